// One run: its verdict, what came out over load, its points, what it ran on, its history.
import { alone, download } from "../lib/api.js";
import { Could, Reading, useData } from "../lib/load.js";
import { listed, many, number, spaced, took, utc, when } from "../lib/words.js";
import { Bounds, BoundsHead } from "../parts/checks.js";
import { Chart } from "../parts/described.js";
import { Outcome, letter, tone, word } from "../parts/outcome.js";
import { Strip } from "../parts/runtable.js";
import { Shell } from "../parts/shell.js";
import { html, useState } from "../vendor/preact.js";

/** A search has a page of its own. @param {string} run @param {any} point */
export const pointPath = (run, point) => `/runs/${run}/${point.told?.length ? "capacity" : "points"}/${encodeURIComponent(point.id ?? point.point)}${point.attempt > 1 ? `?attempt=${point.attempt}` : ""}`;

/** Whether something of a point has a place on the limit line. @param {any} point */
const onLine = (point) => point.lead !== null && point.lead.at !== null;

/** @param {{ run: any, p: any, columns: number, bars: boolean }} props */
const Figures = ({ run, p, columns, bars }) => {
  const bar = bars && html`<td class="b">${onLine(p) ? html`<${Bounds} of=${p.lead} />` : ""}</td>`;
  if (p.told.length) return html`<td class="told" colspan=${columns + (bars && !onLine(p) ? 1 : 0)}>${spaced(p.told[0])} <span class="soft">${spaced(p.told[1] ?? "")}</span> <a href=${pointPath(run.run, p)}>How it was searched</a></td>${onLine(p) && bar}<td class="num soft">${many(p.tried, "load")}</td>`;
  const looks = html`<td class="num soft">${p.looks || "–"}</td>`;
  if (!p.cells.length) return html`<td class="soft told" colspan=${columns + (bars && !onLine(p) ? 1 : 0)}>${spaced(p.sentence) || "no figures"}</td>${onLine(p) && bar}${looks}`;
  return html`${p.cells.map((/** @type {string[]} */ [text, outcome]) => html`<td class=${`num ${outcome === "fail" ? "fail" : outcome === "inconclusive" ? "inconclusive" : ""}`}>${spaced(text)}</td>`)}${bars && (onLine(p) ? bar : html`<td class="soft">${p.lead ? "not judged" : "no limit"}</td>`)}${looks}`;
};

/** The cloud that comes with a session has no name in clouds.yaml. */
const EMBEDDED = "embedded local cloud";

/** The page of a new run of the same on the same cloud. @param {string} cloud @param {string[]} scenarios */
export const againPath = (cloud, scenarios) => `/new?${[...(cloud === EMBEDDED ? [] : [`cloud=${encodeURIComponent(cloud)}`]), ...scenarios.map((name) => `scenario=${encodeURIComponent(name)}`)].join("&")}`;

/** The last pass of the same before it, else the run before: what somebody holds it against. @param {any} run */
const earlier = (run) => {
  const before = run.history.slice(0, -1).reverse();
  return before.find((/** @type {any} */ one) => one.outcome === "pass") ?? before[0];
};

/** @param {{ run: any }} props */
const Downloads = ({ run }) => {
  const [said, say] = useState("");
  const fetched = async (/** @type {string} */ what, /** @type {string} */ ending) => {
    say(what.startsWith("report") ? "The report is being made." : "");
    try {
      await download(`/runs/${run.run}/${what}`, `${run.run}.${ending}`);
      say("");
    } catch (error) {
      say(/** @type {Error} */ (error).message);
    }
  };
  if (alone) return null;
  const other = earlier(run);
  return html`<div class="actions">${run.scenarios.length > 0 && html`<a class="btn small primary" href=${againPath(run.cloud, run.scenarios.map((/** @type {any} */ one) => one.name))}>Run again</a>`}${other && html`<a class="btn small" href=${`/compare?a=${other.run}&b=${run.run}`}>Compare with the ${other.outcome === "pass" ? "last pass" : "run before"}</a>`}
    <button class="btn small" onClick=${() => fetched("report", "html")}>Report</button><button class="btn small" title="One file with these pages, to send to somebody" onClick=${() => fetched("report?interactive=1", "html")}>Interactive report</button><button class="btn small" onClick=${() => fetched("record", "json")}>JSON</button><button class="btn small" onClick=${() => fetched("junit", "xml")}>JUnit</button><button class="btn small" onClick=${() => fetched("csv", "csv")}>CSV</button>
    <span class="small soft" role="status">${said}</span></div>`;
};

/** Two beside each other where there is room. @param {{ charts: any[] }} props */
const Charts = ({ charts }) => (charts.length ? html`<div class="cols">${charts.map((one) => html`<section class="c6" key=${one.name}><${Chart} of=${one} /></section>`)}</div>` : null);

/** Rows of a table that are there at first, and that come with each press. */
const ROWS = 100;

/** @param {{ run: any, scenario: any }} props */
const Points = ({ run, scenario }) => {
  const [all, show] = useState(true);
  const [most, more] = useState(ROWS);
  const bad = scenario.points.filter((/** @type {any} */ p) => p.label !== "pass");
  const points = all ? scenario.points : bad;
  const bars = scenario.points.some(onLine);
  const measured = scenario.points.some((/** @type {any} */ p) => p.cells.length > 0);
  const columns = measured ? scenario.columns : ["What became of it"];
  const limits = measured ? scenario.limits : [""];
  const judged = scenario.points.some((/** @type {any} */ p) => p.lead !== null && p.lead.limit_value !== null);
  return html`<section aria-label=${`Points of ${scenario.name}`}>
    <div class="sec"><h2>${scenario.name}</h2><p>${many(scenario.points.length, "point")}${bars ? `; bar: ${scenario.points.find(onLine).lead.subject} with its bounds, red line: its limit` : ""}</p>
      <span class="end"><span class="seg" role="group" aria-label="Show"><button aria-pressed=${all} onClick=${() => show(true)}>all ${scenario.points.length}</button><button aria-pressed=${!all} onClick=${() => show(false)}>not passed ${bad.length}</button></span></span></div>
    <div class="scroll" tabindex="0" role="region" aria-label=${`Table of points of ${scenario.name}`}><table class="checks points">
      <thead><tr class="double"><th>Point</th><th>Verdict</th>${columns.map((/** @type {string} */ name) => html`<th class=${measured ? "num" : ""}>${name}</th>`)}${bars && html`<th class="b"><${BoundsHead} /></th>`}<th class="num">${measured ? "Looks" : "Tried"}</th></tr>
        ${judged && measured && html`<tr class="limits"><th>SLA</th><th></th>${limits.map((/** @type {string} */ text) => html`<th class="num">${spaced(text)}</th>`)}${bars && html`<th class="b"></th>`}<th></th></tr>`}</thead>
      <tbody>${points.slice(0, most).map((/** @type {any} */ p) => html`<tr class=${`go ${tone(p.label)}`} key=${`${p.id} ${p.attempt}`}>
        <th scope="row"><a href=${pointPath(run.run, p)} title=${p.title}>${p.how}${p.load && p.kind !== "http" ? `, ${p.load}` : ""}</a>${p.attempt > 1 && html` <span class="soft">attempt ${p.attempt}</span>`}</th>
        <td><${Outcome} of=${p.label} /></td>
        <${Figures} run=${run} p=${p} columns=${columns.length} bars=${bars} /></tr>`)}</tbody>
    </table></div>${points.length > most && html`<p class="actions"><button class="btn small" onClick=${() => more(most + 5 * ROWS)}>Show ${number(Math.min(5 * ROWS, points.length - most))} more of ${number(points.length)}</button></p>`}</section>`;
};

/** @param {{ pairs: [string, string][], one?: boolean }} props */
export const Facts = ({ pairs, one }) => html`<dl class=${`facts${one ? " one" : ""}`}>${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === "string" ? spaced(value) : value}</dd></div>`)}</dl>`;

/** @param {{ run: string }} props */
export const Run = ({ run: id }) => {
  const { data: run, error, again } = useData(`/runs/${id}`);
  const crumbs = html`<a href="/runs">Runs</a> <span class="far">/ <b>${run ? `${run.title}, ${when(run.started)}` : id}</b></span>`;
  if (!run) return html`<${Shell} at="runs" crumbs=${crumbs}>${error ? html`<h1>Run ${id}</h1><${Could} error=${error} again=${again} />` : html`<${Reading} />`}<//>`;
  const settings = run.scenarios.filter((/** @type {any} */ one) => one.settings);
  return html`<${Shell} at="runs" crumbs=${crumbs}>
    <div class=${`verdict ${tone(run.state)}`}><p><${Outcome} of=${run.state} text=${run.banner} /></p><h1>${spaced(run.headline)}</h1><p>${run.title}: ${run.totals}.</p></div>
    <div class="page-head"><div><p class="meta"><span title=${utc(run.started)}>${when(run.started)}</span>${run.ended ? `, ${took((Date.parse(run.ended) - Date.parse(run.started)) / 1000)}` : ", not ended"} · run <span class="mono">${run.run}</span><br />
      ${run.exit_code === null ? "No exit code: it broke off" : `Exit code ${run.exit_code}: ${run.exit_meaning}`}${run.leaks.length === 0 && run.exit_code !== null ? " · nothing of it is known to be left on the cloud" : ""}</p></div><${Downloads} run=${run} /></div>
    ${run.leaks.length > 0 && html`<div class="alert fail"><svg class="i" aria-hidden="true"><use href="#fail" /></svg><p><b>Left on the cloud:</b> ${listed(run.leaks)}. Remove it with <code>kb cleanup --cloud ${run.cloud} --run ${run.run}</code>.</p><a class="btn small stop" href=${`/clouds/${encodeURIComponent(run.cloud)}`}>Clean up…</a></div>`}
    ${run.problems.map((/** @type {string} */ text) => html`<div class="alert invalid"><svg class="i" aria-hidden="true"><use href="#invalid" /></svg><p>${text}</p></div>`)}
    ${run.kept.map((/** @type {string} */ text) => html`<div class="alert"><svg class="i" aria-hidden="true"><use href="#note" /></svg><p>${text}</p></div>`)}
    ${run.findings.length > 0 && html`<section aria-label="Findings"><div class="sec"><h2>Findings</h2><p>worst first</p></div>
      ${run.findings.map((/** @type {any} */ one) => html`<div class="finding"><div><${Outcome} of=${one.label} /></div><div><a href=${pointPath(run.run, one)}>${one.point}</a>: ${spaced(one.sentence)}</div></div>`)}
      ${run.findings_more > 0 && html`<p class="small soft">and ${run.findings_more} more</p>`}</section>`}
    ${run.scenarios.map((/** @type {any} */ one) => html`<${Charts} charts=${one.charts} /><${Points} run=${run} scenario=${one} />`)}
    <div class="cols">
      <section class="c6"><div class="sec"><h2>What it ran on</h2></div>
        ${run.scenarios.filter((/** @type {any} */ one) => one.topology.length > 0).map((/** @type {any} */ one) => html`<h3>${one.name}</h3><${Facts} pairs=${one.topology} />${one.hosts.length > 0 && html`<details><summary>Servers per host</summary><${Facts} pairs=${one.hosts} /></details>`}`)}
        ${settings.map((/** @type {any} */ one) => html`<details><summary>The scenario ${one.name} as it was read</summary><pre class="cmd">${one.settings}</pre></details>`)}
        <details><summary>Versions of the suite and its packages</summary><${Facts} pairs=${run.versions} /></details></section>
      <section class="c6"><div class="sec"><h2>Notes</h2></div>${run.notes.length ? html`<ul>${run.notes.map((/** @type {string} */ text) => html`<li class="small">${text}</li>`)}</ul>` : html`<p class="soft">None.</p>`}
        ${run.history.length > 0 && html`<div class="sec gap"><h2>These scenarios on this cloud</h2><p>${run.history.length === 1 ? "this is the first" : `${many(run.history.length, "run")}, the last one is this`}</p></div>
        <${Strip} marks=${run.history.map((/** @type {any} */ one) => letter(one.outcome)).join("")} title=${run.history.map((/** @type {any} */ one) => one.outcome).join(", ")} />
        <p class="small">${run.history.slice(0, -1).reverse().slice(0, 5).map((/** @type {any} */ one) => html`<a href=${`/runs/${one.run}`}>${one.run}</a> ${word(one.outcome).toLowerCase()}, ${when(one.started)}<br />`)}</p>`}</section>
    </div>
  <//>`;
};
