// The first page: is all well, what runs now, what ran lately; and where nothing ran yet, three ways to begin.
import { lives } from "../lib/ended.js";
import { Could, Reading, useData } from "../lib/load.js";
import { many, number, when } from "../lib/words.js";
import { Bounds, BoundsHead } from "../parts/checks.js";
import { Icon, Outcome, letter, tone, word } from "../parts/outcome.js";
import { Kept } from "../parts/ours.js";
import { RunTable, Strip, cameTo } from "../parts/runtable.js";
import { Shell } from "../parts/shell.js";
import { Stop } from "../parts/stop.js";
import { Start } from "../parts/start.js";
import { html } from "../vendor/preact.js";

const EXAMPLES = [
  { name: "p50", allowed: "≤ 10 ms", value: "6.1 ms", outcome: "pass", bound: { low: 0.55, at: 0.61, high: 0.68 }, says: "the true value keeps the limit: the whole bar is left of it" },
  { name: "p99", allowed: "≤ 50 ms", value: "48 ms", outcome: "inconclusive", bound: { low: 0.82, at: 0.96, high: 1.14 }, says: "the sample cannot tell: the bar crosses the line. It is no pass; run longer" },
  { name: "p99.9", allowed: "≤ 200 ms", value: "310 ms", outcome: "fail", bound: { low: 1.28, at: 1.55, high: 1.87 }, says: "the true value breaks the limit" },
  { name: "error rate", allowed: "≤ 0.1 %", value: "–", outcome: "invalid", bound: null, says: "our instruments failed; nothing is said about the cloud" },
];
const CLOUDS = `clouds:
  mycloud:
    auth:
      auth_url: https://keystone.example.org/v3
      username: ops
      password: ...
      project_name: load-test
      user_domain_name: Default
      project_domain_name: Default`;

export const HowToRead = () => html`<section><div class="sec"><h2>How to read a result</h2><p>an example, no measurement</p></div>
  <table class="checks stack"><thead><tr><th>Limit on</th><th class="num">Allowed</th><th class="num">Measured</th><th class="b"><${BoundsHead} /></th><th>Verdict</th><th>It says</th></tr></thead>
    <tbody>${EXAMPLES.map((one) => html`<tr class=${tone(one.outcome)}><th scope="row">${one.name}</th><td class="num" data-l="Allowed">${one.allowed}</td><td class="num" data-l="Measured">${one.value}</td><td class="b"><${Bounds} of=${one.bound} /></td><td><${Outcome} of=${one.outcome} /></td><td class="say">${one.says}</td></tr>`)}</tbody></table></section>`;

/** @param {{ scenarios: any[], clouds: any, version: any, again: () => void }} props */
const Empty = ({ scenarios, clouds, version, again }) => {
  const named = (clouds?.clouds ?? []).filter((/** @type {any} */ one) => !one.embedded);
  return html`<div class="page-head"><div><h1>No runs yet. Three ways to begin:</h1><p class="lead">kb_tests loads a cloud from inside its own servers, and says whether it keeps its SLA. Everything it makes, it removes.</p></div></div>
  <ol class="objects">
    <li class="card"><span class="n">1</span><h2>Try it on this machine</h2><p>A small local cloud starts here, takes load for under a minute, and is gone. Nothing leaves this machine.</p>
      <dl class="facts one"><div><dt>Takes</dt><dd>one to two minutes</dd></div><div><dt>Needs</dt><dd>2 cores, 2 GiB</dd></div><div><dt>Proves</dt><dd>the tool, not a cloud</dd></div></dl>
      <div class="foot">${version?.starts && version.role === "operator" ? html`<${Start} asked=${{ scenarios: ["demo-http"] }} text="Try it" />` : ""}<span class="small soft">or <code>make demo</code></span></div></li>
    <li class="card"><span class="n">2</span><h2>Name a cloud</h2>
      ${named.length ? html`<p>clouds.yaml names ${named.map((/** @type {any} */ one) => one.name).join(", ")}.</p><div class="foot"><a class="btn" href="/new">New run</a></div>` : html`<p>Clouds come from clouds.yaml, as for the openstack command. <b>${clouds?.fault || "None was found at"}</b></p><pre>${(clouds?.searched ?? []).join("\n")}</pre>
      <p class="small soft">Write one as below. Passwords stay in the file; this page never asks for one.</p><details><summary>A clouds.yaml to begin with</summary><pre>${CLOUDS}</pre></details><div class="foot"><button class="btn" onClick=${again}>Look again</button></div>`}</li>
    <li class="card"><span class="n">3</span><h2>Choose a scenario</h2><p>${scenarios.length} are here to begin with; change one, or write your own.</p>
      <table><tbody>${scenarios.slice(0, 5).map((one) => html`<tr><th scope="row"><a href=${`/scenarios/${one.name}`}>${one.name}</a></th><td class="soft small">${one.description}</td></tr>`)}</tbody></table>
      <div class="foot"><a class="btn" href="/scenarios">All ${scenarios.length} scenarios</a></div></li>
  </ol><${HowToRead} />`;
};

/** @param {{ clouds: Map<string, any[]> }} props */
const Clouds = ({ clouds }) => html`<section><div class="sec"><h2>Clouds</h2><p>outcomes of the last runs, the newest at the right</p></div>
  <table class="stack clouds"><thead><tr><th>Cloud</th><th>Last verdict</th><th>Last runs</th><th>Last run</th></tr></thead><tbody>
    ${[...clouds].map(([cloud, runs]) => html`<tr class="mid"><th scope="row"><a class="plain" href=${`/runs?cloud=${encodeURIComponent(cloud)}`}><b>${cloud}</b></a></th>
      <td class="st"><${Outcome} of=${cameTo(runs[0])} /> <span class="soft">${runs[0].outcome === "measured" ? "" : `${number(runs[0].points.filter((/** @type {string[]} */ p) => p[1] === "pass").length)} of `}${many(runs[0].points.length, "point")}</span>${runs[0].new_failure && html` <span class="new">new</span>`}</td>
      <td class="sp"><${Strip} marks=${runs.slice(0, 20).reverse().map((run) => letter(run.outcome)).join("")} title=${`last runs: ${runs.slice(0, 20).map((run) => word(run.outcome)).join(", ")}`} /></td>
      <td data-l="Last run"><a href=${`/runs/${runs[0].run}`}>${when(runs[0].started)}</a></td></tr>`)}
  </tbody></table></section>`;

/** The exit code of what measured nothing: it was only staged. */
const STAGED_ONLY = 5;

/** Nothing that was not judged is said to be kept. @param {Map<string, any[]>} clouds */
const sentence = (clouds) => {
  const last = [...clouds].map(([cloud, runs]) => /** @type {[string, any]} */ ([cloud, runs.find((run) => run.exit_code !== STAGED_ONLY)]));
  const well = (/** @type {any} */ run) => !run.exit_code; // of runs of before there may be none
  const kept = last.filter(([, run]) => run?.outcome === "pass" && well(run)).length;
  const bad = last.find(([, run]) => run && !(["pass", "measured"].includes(run.outcome) && well(run)));
  const some = `${kept} of ${many(clouds.size, "cloud")} kept the SLA in the last run`;
  if (bad) {
    const [cloud, run] = bad;
    const what = `${word(cameTo(run)).toLowerCase()}${run.new_failure ? ", for the first time" : ""}`;
    return clouds.size === 1 ? `The last run on ${cloud}: ${what}.` : `${some}. ${cloud}: ${what}.`;
  }
  if (kept === clouds.size) return clouds.size === 1 ? "The last run kept its SLA." : `The last runs on ${clouds.size === 2 ? "both" : `all ${clouds.size}`} clouds kept their SLA.`;
  if (kept) return `${some}; nothing was judged on the others.`;
  return last.some(([, run]) => run) ? `Nothing was judged in the last ${clouds.size === 1 ? "run" : "runs"}.` : "What is staged was not loaded yet.";
};

export const Overview = () => {
  const { data, error, again } = useData("/runs?limit=200", 10);
  const sessions = useData("/sessions", 3).data?.sessions ?? [];
  const known = useData("/scenarios");
  const scenarios = known.data?.scenarios ?? [];
  const clouds = useData("/clouds");
  const waits = [known, clouds].some((one) => !one.data && !one.error);
  const version = useData("/version").data;
  const kept = useData("/kept", 15);
  const may = Boolean(version?.starts) && version?.role === "operator";
  const named = new Set((clouds.data?.clouds ?? []).map((/** @type {any} */ one) => one.name));
  const live = sessions.filter(lives);
  const lost = sessions.filter((/** @type {any} */ one) => one.state === "broken_off").slice(0, 2);
  if (!data) return html`<${Shell} at="overview" crumbs=${html`<b>Overview</b>`}>${error ? html`<h1>Overview</h1><${Could} error=${error} again=${again} />` : html`<h1 class="hidden">Overview</h1><${Reading} />`}<//>`;
  if (!data.total && !live.length && !lost.length && !kept.data?.kept.length) return html`<${Shell} at="overview" crumbs=${html`<b>Overview</b>`}>${waits ? html`<h1 class="hidden">Overview</h1><${Reading} />` : html`<${Empty} scenarios=${scenarios} clouds=${clouds.data} version=${version} again=${clouds.again} />`}<//>`;
  /** @type {Map<string, any[]>} */
  const by = new Map();
  for (const run of data.runs) by.set(run.cloud, [...(by.get(run.cloud) ?? []), run]);
  /** What sessions left whose records are elsewhere. */
  const unknown = sessions.filter((/** @type {any} */ one) => one.leaks.length > 0 && !Object.values(one.runs).some((id) => data.runs.some((/** @type {any} */ run) => run.run === id))).slice(0, 3);
  const leaked = data.runs.filter((/** @type {any} */ run) => run.leaks > 0).slice(0, 3);
  return html`<${Shell} at="overview" crumbs=${html`<b>Overview</b>`}>
    <div class="page-head"><div><h1>${by.size ? sentence(by) : live.length ? "The first run is under way." : "No run has a record here yet."}</h1></div><div class="actions"><a class="btn primary" href="/new">New run</a></div></div>
    ${leaked.map((/** @type {any} */ run) => html`<div class="alert fail"><${Icon} name="fail" /><p><b>Left on ${run.cloud}:</b> ${many(run.leaks, "resource")} of run ${run.run}. They count against quota until removed.</p><a class="btn small" href=${`/runs/${run.run}`}>See which</a>${named.has(run.cloud) && html`<a class="btn small stop" href=${`/clouds/${encodeURIComponent(run.cloud)}`}>Clean up…</a>`}</div>`)}
    ${unknown.map((/** @type {any} */ one) => html`<div class="alert fail" key=${one.sid}><${Icon} name="fail" /><p><b>Left on ${one.clouds.join(", ") || "a cloud"}:</b> ${many(one.leaks.length, "resource")} of session ${one.sid}, whose record is not in this folder.</p><a class="btn small" href=${`/sessions/${one.sid}`}>See which</a></div>`)}
    ${kept.data?.kept.map((/** @type {any} */ one) => html`<${Kept} key=${one.run} one=${one} may=${may} again=${kept.again} />`)}
    ${lost.map((/** @type {any} */ one) => html`<div class="alert invalid"><${Icon} name="invalid" /><p><b>Session ${one.sid} ended without a word.</b> Its process is gone; a process in the background removes what it made.</p><a class="btn small" href=${`/sessions/${one.sid}`}>See it</a></div>`)}
    ${live.length > 0 && html`<section><div class="sec"><h2>Now</h2><p>${live.length} running</p></div>${live.map((/** @type {any} */ one) => html`<div class="session running" key=${one.sid}><div><h3><a class="plain" href=${`/sessions/${one.sid}`}>${one.scenarios.join(", ") || `session ${one.sid}`}</a></h3>
      <p><${Strip} marks=${one.marks} title=${one.sentence} /></p><p>${one.sentence}</p><p class="small soft">Started ${when(one.started)} ${one.started_by === "ui" ? "here" : "in a shell"}</p>
      <div class="actions"><a class="btn small" href=${`/sessions/${one.sid}`}>Watch</a>${version?.starts && version.role === "operator" && html`<${Stop} session=${one} />`}</div></div></div>`)}</section>`}
    ${by.size > 0 && html`<${Clouds} clouds=${by} />`}
    ${data.total > 0 && html`<section><div class="sec"><h2>Recent runs</h2><p>one mark a point: a flat line is all pass</p><a class="end" href="/runs">All ${many(data.total, "run")}</a></div><${RunTable} runs=${data.runs.slice(0, 10)} /></section>`}
  <//>`;
};
