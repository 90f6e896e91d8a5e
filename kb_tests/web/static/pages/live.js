// A session while it runs, and how it ended: followed from its files, whoever started it.
import { boot } from "../charts/boot.js";
import { atMost, percentile } from "../charts/heat.js";
import { hosts } from "../charts/hosts.js";
import { timeline } from "../charts/timeline.js";
import { follow, get, post } from "../lib/api.js";
import { heardEnd } from "../lib/ended.js";
import { Could, Reading, useData } from "../lib/load.js";
import { clock, listed, many, number, parted, share, spaced, span, time, took, when } from "../lib/words.js";
import { Live, fact, passing, series, shown, soFar } from "../live/fold.js";
import { near, others } from "../live/rungs.js";
import { bound, worstFirst, worstPoint } from "../live/worst.js";
import { Figure, Plot, Ramp } from "../parts/chart.js";
import { Bounds, BoundsHead } from "../parts/checks.js";
import { Ladder } from "../parts/ladder.js";
import { Kept } from "../parts/ours.js";
import { Icon, Outcome, tone, word } from "../parts/outcome.js";
import { Shell, say } from "../parts/shell.js";
import { Stop } from "../parts/stop.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Facts, pointPath } from "./run.js";

/** @param {string} sid */
const useLive = (sid) => {
  const live = useRef(new Live());
  const [, drawn] = useState(0);
  const [heard, hear] = useState(true);
  const caught = useRef(false);
  const ahead = useRef(0);
  const [end, ended] = useState(/** @type {"" | "ended" | "broken_off"} */ (""));
  const [error, fail] = useState(/** @type {any} */ (null));
  useEffect(() => {
    live.current = new Live();
    caught.current = false;
    ended("");
    fail(null);
    const stop = new AbortController();
    let waiting = 0;
    const draw = () => {
      if (!caught.current) return; // what was there before is drawn once, as a whole
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        live.current = live.current.turn();
        drawn((n) => n + 1);
      });
    };
    follow(sid, {
      events: (events) => { live.current.take(events); draw(); },
      now: () => { caught.current = true; draw(); },
      refused: fail,
      heard: (well, by) => { if (well) fail(null); ahead.current = by ?? ahead.current; hear(well); },
      end: (brokenOff) => { caught.current = true; live.current.over(); live.current = live.current.turn(); heardEnd(sid); ended(brokenOff ? "broken_off" : "ended"); },
    }, stop.signal).catch(fail);
    return () => {
      stop.abort();
      cancelAnimationFrame(waiting);
    };
  }, [sid]);
  return { live: live.current, heard, ahead: ahead.current, end, error, caught: caught.current };
};

/** Seconds without a word after which a page says so. */
const SILENT = 5;

/** For how long nothing was said of the session, once that is long. @param {{ live: Live, ahead: number, text: (gone: string) => any }} props */
const Silence = ({ live, ahead, text }) => {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const gone = Math.floor(Date.now() / 1000 + ahead - live.now);
  return live.now && gone >= SILENT ? text(took(gone)) : null;
};

const STATES = /** @type {[string, string][]} */ ([["staging", "Staging"], ["running", "Running"], ["removing", "Removing"], ["ended", "Ended"]]);

/** @param {{ live: Live, end: string }} props */
const States = ({ live, end }) => {
  const at = STATES.findIndex(([state]) => state === (live.state === "starting" ? "staging" : live.state === "stopping" ? "removing" : live.state));
  return html`<ol class="states" aria-label="Where the session stands">${STATES.map(([state, text], i) => {
    const done = i < at || (live.state === "ended" && end === "ended");
    const next = STATES.slice(i + 1).map(([s]) => live.since[s]).find(Boolean) ?? live.now;
    const spent = live.since[state] && state !== "ended" ? clock(next - live.since[state]) : "";
    return html`<li class=${done ? "done" : ""} aria-current=${i === at && !done ? "step" : undefined}><${Icon} name=${done ? "pass" : i === at ? "running" : "to-come"} />${text} <span>${spent}</span></li>`;
  })}</ol>`;
};

/** @param {any[]} checks */
const leading = (checks) => checks.find((check) => check.name === "latency p99") ?? checks.find((check) => check.name.endsWith("latency p99")) ?? checks[0];

/** What the SLA allows of a percentile; reads and writes have limits of their own. @param {any} point @param {string} name */
const allowed = (point, name) => {
  const found = Object.entries(point.limits).filter(([limit]) => limit === `latency ${name}` || limit.endsWith(` latency ${name}`));
  return found.length ? `limit ${found.map(([limit, seconds]) => `${limit.replace(/ ?latency p[\d.]+$/, "")} ${time(Number(seconds))}`.trim()).join(", ")}` : "no limit";
};

/** @param {{ seconds: number }} props */
const About = ({ seconds }) => {
  const [value, unit] = parted(seconds, 2);
  return html`<dd><small>about</small> ${value} <small>${unit}</small></dd>`;
};

/** @param {string} unit of offered rates in events */
const short = (unit) => (unit.startsWith("requests") ? "req/s" : unit || "/s");

/** What tells a point from its neighbours, in a few characters. @param {any} point */
const how = (point) => {
  if (point.kind === "http" && point.offered && point.clients) return `${point.clients} × ${number(point.offered / point.clients)}`;
  const own = point.id.startsWith(`${point.scenario}-`) ? point.id.slice(point.scenario.length + 1) : point.id;
  return own.replace(/^clients-(\d+)-(?:rate-)?/, "$1 × ").replaceAll("-", " ").replace(/(?<=× )\d{4,}$/, (/** @type {string} */ rate) => number(Number(rate)));
};

/** Which load a search tries. @param {any} point */
const trying = (point) => (point.trying && !point.outcome ? `load ${point.tried}${point.offered ? `: ${number(point.offered)} ${short(point.unit)}` : `: ${number(point.agents)} clients`}` : "of the cloud");

/** @param {any} check */
const measured = (check) => (!check ? "" : Number(check.value) === Infinity ? "beyond measure" : check.unit === "s" ? time(Number(check.value)) : check.unit === "" ? share(Number(check.value)) : number(Number(check.value)));

/** ", 3.7 times" of a limit that is broken by much; else what joins both. @param {any} check */
const times = (check) => {
  const by = Number(check.value) / Number(check.limit);
  return check.at_most && by >= 1.05 && Number.isFinite(by) ? `, ${number(by)} times` : ",";
};

/** @param {any} point @param {Live} live */
const rung = (point, live) => {
  const lead = leading(point.checks);
  const run = live.runs[point.cloud];
  const judged = point.outcome !== "";
  const far = soFar(point);
  const limit = point.limits["latency p99"];
  const about = percentile(far.buckets, 99, far.failed);
  const running = point === live.current && !judged && point.status === "running";
  return {
    key: point.id, outcome: judged ? point.outcome : point.status,
    href: run && live.state === "ended" ? pointPath(run, { id: point.id, told: point.told, attempt: 1 }) : "#now",
    load: point.tried ? "capacity" : point.offered ? `${number(point.offered)} ${short(point.unit)}` : how(point),
    how: point.tried ? trying(point) : point.offered ? how(point) : "",
    p99: point.tried && judged ? many(point.tried, "load") : judged ? measured(lead) : running && about > 0 ? `≈ ${time(about, 2)}` : "",
    bound: judged ? bound(lead) : running && limit && about > 0 ? { low: null, at: Math.min(1000, about / limit), high: null } : null,
    plain: point.tried > 0 && judged,
    current: running,
  };
};

/** @param {{ point: any, live: Live }} props */
const Preview = ({ point }) => {
  const far = soFar(point);
  const rows = Object.entries(point.limits).filter(([name]) => name.startsWith("latency p")).map(([name, limit]) => ({ name: name.slice(8), limit: Number(limit), value: percentile(far.buckets, Number(name.slice(9)), far.failed), fact: fact(point, name, Number(name.slice(9))) }));
  if (!rows.length || !far.due) return null;
  return html`<section><div class="sec"><h2>Preview of the verdict</h2><p>about, from classes of 19 %; “can no longer” is counted exactly; only a look decides</p></div>
    <table class="checks stack"><thead><tr><th>Limit on</th><th class="num">Allowed</th><th class="num">So far</th><th class="b"><${BoundsHead} /></th><th>What can be said</th></tr></thead><tbody>
      ${rows.map((row) => html`<tr class=${row.fact === "no longer pass" ? "fail" : row.fact ? "pass" : "running"}><th scope="row">${row.name}</th><td class="num" data-l="Allowed">≤ ${time(row.limit)}</td><td class="num" data-l="So far">${row.value === Infinity ? "beyond measure" : `about ${time(row.value, 2)}`}</td>
        <td class="b"><${Bounds} of=${{ low: null, at: row.value > 0 ? Math.min(1000, row.value / row.limit) : null, high: null }} /></td><td class="say">${row.fact ? html`<b>Can ${row.fact}</b> in this look` : row.value > row.limit * 1.19 ? "above its limit so far" : row.value * 1.19 < row.limit ? "below its limit so far" : "near its limit"}; not judged yet</td></tr>`)}
      <tr class="running"><th scope="row">failed</th><td></td><td class="num" data-l="So far">${share(far.failed / far.due)}</td><td class="b"><${Bounds} of=${null} /></td><td class="say">${number(far.failed)} of ${number(far.due)}</td></tr>
    </tbody></table></section>`;
};

/** What was told of a second does not change: its percentiles are found once. @type {WeakMap<object, { 50: number | null, 99: number | null }>} */
const known = new WeakMap();

/** @param {any} second */
const about = (second) => {
  let found = known.get(second);
  if (!found) {
    const buckets = new Map(second.buckets ?? []);
    const [p50, p99] = [50, 99].map((percent) => percentile(buckets, percent)).map((v) => (Number.isFinite(v) ? v : null));
    found = { 50: p50, 99: p99 };
    known.set(second, found);
  }
  return found;
};

/** @param {{ point: any, live: Live, title: any, height?: number }} props */
const Seconds = ({ point: whole, live, title, height = 236 }) => {
  const [read, tell] = useState(/** @type {number | null} */ (null));
  const point = { ...whole, seconds: shown(whole) };
  const { at, rows, first } = series(point);
  const p = (/** @type {any} */ second, /** @type {50 | 99} */ percent) => about(second)[percent];
  const lines = [{ name: "p50", values: point.seconds.map((/** @type {any} */ s) => p(s, 50)) }, { name: "p99", values: point.seconds.map((/** @type {any} */ s) => p(s, 99)) }];
  const limits = Object.entries(point.limits).filter(([name]) => /(^| )latency p99/.test(name)).map(([name, seconds]) => ({ name: name.replace("latency ", ""), seconds: Number(seconds) }));
  const start = point.seconds.length ? point.seconds[0].t - point.seconds[0].index - 1 : 0;
  const marks = /** @type {[number, string][]} */ (live.markers.map((m) => [Math.round(m.t - start), m.text]).filter(([t]) => Number(t) >= first && Number(t) <= point.duration));
  const data = {
    title: "Heat map of response time by second, with p50 and p99, and the rate of successful ones", at,
    rates: [{ name: "successful", values: point.seconds.map((/** @type {any} */ s) => s.completed / (s.length ?? 1)) }], failed: point.seconds.map((/** @type {any} */ s) => s.failed), offered: point.offered ? [point.offered] : [],
    unit: point.unit, lines, heat: { at: first, step: 1, rows }, limits, until: point.duration, marks,
  };
  const told = read === null ? point.seconds[point.seconds.length - 1] : point.seconds.find((/** @type {any} */ s) => s.index === read);
  const words = told ? `Second ${told.index}: p50 about ${time(p(told, 50), 2)}, p99 about ${time(p(told, 99), 2)}; ${number(told.completed)} successful of ${number(told.due)} due, ${number(told.failed)} failed` : "No second yet.";
  const lately = lines[1].values.filter((/** @type {any} */ v, /** @type {number} */ i) => v !== null && at[i] >= 0);
  return html`<section><${Figure} title=${title} says=${lately.length ? `p99 about ${span(lately, (value) => time(value, 2))} in each second${limits.length ? `, limit ${time(limits[0].seconds)}` : ""}` : ""} end=${html`<${Ramp} />`}
      table=${{ columns: ["Second", "p50", "p99", "successful", "failed"], rows: () => point.seconds.map((/** @type {any} */ s) => [s.index, time(p(s, 50), 2), time(p(s, 99), 2), number(s.completed), number(s.failed)]) }}>
    <${Plot} draw=${timeline} data=${data} label=${data.title} look=${{ lanes: ["heat", "rate", "fail"], height, cursor: read, onRead: tell }} />
    <p class="read">${words}</p>${point.dropped > 0 && html`<p class="small soft">The last hour is shown.</p>`}<//></section>`;
};

/** @param {{ point: any, live: Live }} props */
const Where = ({ point, live }) => {
  const last = point.seconds[point.seconds.length - 1];
  const servers = live.servers.get(point.scenario) ?? [];
  /** @type {Map<string, any>} */
  const found = new Map();
  for (const server of servers) {
    const known = found.get(server.host ?? "") ?? { host: server.host ?? "unknown", zone: server.zone ?? "", servers: 0, generators: 0, p99: null };
    if (["server", "storage"].includes(server.role)) known.servers += 1;
    if (server.role === "client") known.generators += 1;
    found.set(server.host ?? "", known);
  }
  for (const [host, , , bucket] of last?.hosts ?? []) {
    const known = found.get(host) ?? { host, zone: "", servers: 0, generators: 0, p99: null };
    found.set(host, { ...known, p99: atMost(bucket) });
  }
  const limit = point.limits["latency p99"] ?? null;
  const slow = [...(last?.hosts ?? [])].sort((/** @type {any} */ a, /** @type {any} */ b) => b[3] - a[3]).slice(0, 5);
  return html`${found.size > 0 && html`<section><div class="sec"><h2>Hosts</h2><p>p99 there in the last second, at most</p></div>
      <${Plot} cls="plot hosts" draw=${hosts} data=${{ title: "Hosts of this run", limit, hosts: [...found.values()].sort((a, b) => `${a.zone} ${a.host}`.localeCompare(`${b.zone} ${b.host}`)) }} />
      <p class="small soft">■ loaded server${[...found.values()].some((one) => one.generators) ? " ○ generator" : ""}</p>
      ${slow.length > 0 && html`<table class="small"><thead><tr><th>Slowest</th><th class="num">p99 up to</th><th class="num">failed</th></tr></thead><tbody>${slow.map((/** @type {any} */ [host, , failed, bucket]) => html`<tr><th scope="row">${host}</th><td class="num">${time(atMost(bucket), 2)}</td><td class="num">${failed}</td></tr>`)}</tbody></table>`}</section>`}
    ${last && html`<section><div class="sec"><h2>Heard</h2></div><p><b>${last.agents} of ${last.expected}</b> in second ${last.index}</p>
      ${last.missing?.length > 0 && html`<div class="alert small inconclusive"><${Icon} name="note" /><p>Silent: ${last.missing.join(", ")}. The figures wait 2 s for them, then go on without.</p></div>`}
      <${Facts} one pairs=${[["late, worst", last.lag === undefined || last.lag === null ? "–" : time(last.lag, 2)], ["CPU, worst", last.cpu === undefined || last.cpu === null ? "–" : share(last.cpu)]]} /></section>`}`;
};

/** @param {{ live: Live }} props */
const Phases = ({ live }) => html`<section><div class="sec"><h2>Staging</h2><p>nothing is loaded yet</p></div>
  <table class="phases"><thead><tr><th>Phase</th><th class="num">Done</th><th class="num">Took</th></tr></thead><tbody>
    ${[...live.phases.values()].map((phase) => { const done = phase.done >= phase.total; return html`<tr class=${done ? "pass" : "running"}><th scope="row"><${Icon} name=${done ? "pass" : "running"} />${phase.name}</th><td class="num">${phase.total ? `${phase.done} of ${phase.total}` : "–"}</td><td class="num soft">${clock((done ? phase.to : live.now) - phase.from)}</td></tr>`; })}
  </tbody></table>
  ${live.boots.size > 0 && html`<${Figure} title="Each server" says=${`${[...live.boots.values()].filter((one) => one.ready).length} of ${live.boots.size} ready; grey: building, blue: booting`} table=${{ columns: ["Server", "asked for", "active", "ready"], rows: boots(live).map((one) => [one.name, clock(one.building), one.booting === null ? "–" : clock(one.booting), one.ready === null ? "–" : clock(one.ready)]) }}>
    <${Plot} draw=${boot} data=${{ title: "Each server from request to ready", now: live.now - firstBoot(live), servers: boots(live) }} /><//>`}</section>`;

/** @param {Live} live */
const firstBoot = (live) => Math.min(...[...live.boots.values()].map((one) => one.building));

/** In seconds since the first was asked for. @param {Live} live */
const boots = (live) => {
  const first = firstBoot(live);
  return [...live.boots.values()].map((one) => ({ name: one.name, building: one.building - first, booting: one.booting === null ? null : one.booting - first, ready: one.ready === null ? null : one.ready - first }));
};

/** @param {{ live: Live }} props */
const Log = ({ live }) => html`<section><div class="sec"><h2>Log</h2><p>last lines; closing this page changes nothing</p></div>
  <pre class="log" tabindex="0" role="log" aria-live="off" aria-label="Last lines">${live.log.length ? live.log.slice(-12).map((line) => html`<b>${new Date(line.t * 1000).toLocaleTimeString("en-GB")}</b>  ${line.text}${"\n"}`) : "Nothing was told yet."}</pre></section>`;

/** @param {{ sid: string }} props */
const Output = ({ sid }) => {
  const [text, set] = useState("");
  useEffect(() => {
    get(`/sessions/${sid}/log`).then((part) => set(part.text.split("\n").slice(-25).join("\n")), () => set(""));
  }, [sid]);
  return text ? html`<section><div class="sec"><h2>Its output</h2><p>the last lines</p></div><pre class="log" tabindex="0" aria-label="Output of the session">${text}</pre></section>` : null;
};

/** @param {{ sid: string }} props */
const Marker = ({ sid }) => {
  const [text, set] = useState("");
  const [said, tell] = useState("");
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      tell((await post(`/sessions/${sid}/markers`, { text })).sentence);
      set("");
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  };
  return html`<form class="actions" onSubmit=${send}><label class="row">Marker <input id="marker" value=${text} placeholder="pulled a link" onInput=${(/** @type {any} */ event) => set(event.target.value)} /></label><button class="btn small" disabled=${!text.trim()}>Add</button><span class="small soft" role="status">${said}</span></form>
    <p class="small soft">It notes what you do to the cloud at this second.</p>`;
};

/** @param {Live} live @param {string} end @param {any} row */
const sentence = (live, end, row) => {
  const far = passing([...live.points.values()].map((point) => point.outcome));
  if (end === "broken_off") return row?.sentence || `${far}It ended without a word: its process is gone.`;
  if (live.state === "ended") return row?.state === "ended" && row.exit_meaning ? `${row.exit_meaning.charAt(0).toUpperCase()}${row.exit_meaning.slice(1)}. ${far}` : `${far}The session ended.`;
  if (live.state === "starting") return "Starting.";
  if (live.state === "staging") { const phase = [...live.phases.values()].filter((p) => p.done < p.total).pop(); return `${far}Staging${phase ? `: ${phase.name}, ${phase.done} of ${phase.total}` : ""}.`; }
  if (live.state === "stopping") return `${far}Stopping.`;
  if (live.state === "removing") return `${far}${live.teardown ? `${live.teardown.done} of ${live.teardown.total} resources are gone.` : "Removing what was made."}`;
  if (live.between && live.teardown) return `${far}A topology is removed: ${live.teardown.done} of ${live.teardown.total} resources are gone.`;
  const place = live.current ? [...live.points.keys()].indexOf(live.current.key) + 1 : 0;
  if (live.current?.tried) return `${far}Point ${place} of ${live.points.size} searches the capacity, ${trying(live.current)}.`;
  return `${far}Point ${place} of ${live.points.size} runs${live.current?.offered ? ` at ${number(live.current.offered)} ${short(live.current.unit)}` : ""}.`;
};

/** @param {{ live: Live, row: any, about: any, end: string, may: boolean }} props `about` may be of before its end */
const Ended = ({ live, row, about, end, may }) => {
  const { data, again } = useData("/kept");
  const runs = Object.values(live.runs);
  const loaded = (about?.arguments ?? []).map((/** @type {string} */ word) => /^--kb-reuse=(\w+)$/.exec(word)?.[1]);
  const kept = (data?.kept ?? []).filter((/** @type {any} */ one) => runs.includes(one.run) || loaded.includes(one.run));
  const cloud = (about?.clouds ?? []).find((/** @type {string} */ name) => name && name !== "embedded local cloud") ?? "";
  const broke = worstPoint([...live.points.values()]);
  const run = broke ? live.runs[broke.cloud] : Object.values(live.runs)[0];
  const failing = worstFirst(broke);
  const state = live.leaks.length ? "fail" : end === "broken_off" ? "invalid" : tone(row?.outcome ?? "");
  const only = row?.exit_code === 5 && kept.length > 0;
  const first = failing[0];
  const broken = first && `${broke?.offered ? `At ${number(broke.offered)} ${short(broke.unit)}` : `At ${how(broke)}`} ${first.name.replace(/^latency /, "")} is ${measured(first)}${times(first)} its limit ${first.unit === "s" ? time(Number(first.limit)) : first.unit === "" ? share(Number(first.limit)) : number(Number(first.limit))}.`;
  const title = only ? `${kept[0].scenario} is staged and stays on ${kept[0].clouds.map((/** @type {string} */ name) => name || "a local cloud of its own").join(" and ")}. Nothing was measured.` : broken && end === "ended" && row?.state === "ended" && row.exit_code === 1 ? `${broken}` : sentence(live, end, row);
  useEffect(() => say(title), [title]);
  return html`<div class=${`verdict ${state}`}><p><${Outcome} of=${live.leaks.length ? "leaked" : end === "broken_off" ? "lost" : (row?.outcome ?? "")} text=${only ? "Staged" : row || live.leaks.length || end === "broken_off" ? undefined : "Ended"} /></p><h1>${title}</h1>
    ${title === broken && html`<p>${sentence(live, end, row)}</p>`}
    ${[...live.points.values()].filter((one) => one.told).map((one) => html`<p key=${one.key}>${spaced(one.told)} ${live.runs[one.cloud] && html`<a href=${pointPath(live.runs[one.cloud], { ...one, attempt: 1 })}>How it was searched</a>`}</p>`)}
    ${broke && (!broke.told || broke.reason) && html`<p>${broke.id}: ${failing.length ? failing.map((/** @type {any} */ check) => `${check.name} is ${measured(check)}, its limit ${check.unit === "s" ? time(check.limit) : share(check.limit)}`).join("; ") : broke.reason || word(broke.outcome)}.</p>`}
    <div class="actions">${broke && run && html`<a class="btn primary" href=${pointPath(run, { id: broke.id, told: broke.told, attempt: 1 })}>See that point</a>`}${Object.values(live.runs).map((id) => html`<a class=${`btn${broke ? "" : " primary"}`} href=${`/runs/${id}`}>See the run ${id}</a>`)}</div></div>
    ${live.leaks.length > 0 && html`<div class="alert fail"><${Icon} name="fail" /><p><b>Left on the cloud:</b> ${listed(live.leaks)}. Remove it with <code>kb cleanup</code>${cloud && html`, or <a href=${`/clouds/${encodeURIComponent(cloud)}`}>from its cloud's page</a>`}.</p></div>`}
    ${kept.map((/** @type {any} */ one) => html`<${Kept} key=${one.run} one=${one} may=${may} again=${again} />`)}
    ${end === "broken_off" && !live.leaks.length && html`<div class="alert invalid"><${Icon} name="invalid" /><p><b>Its process is gone.</b> What it made is removed by a process in the background, within minutes${cloud ? html`; <a href=${`/clouds/${encodeURIComponent(cloud)}`}>${cloud}</a> shows what is still there` : ""}.</p></div>`}`;
};

/** @param {{ sid: string }} props */
export const Session = ({ sid }) => {
  const { live, heard, ahead, end, error, caught } = useLive(sid);
  const row = useData(`/sessions/${sid}`, end ? 0 : 3);
  const version = useData("/version").data;
  useEffect(() => { if (end) row.again(); }, [end]);
  const info = row.data;
  /** What the server says of its end, once it knows of that. */
  const told = info && ["ended", "broken_off"].includes(info.state) ? info : null;
  const crumbs = html`<a href="/runs">Runs</a> <span class="far">/ <b>${info?.scenarios.join(", ") || `session ${sid}`}</b></span>`;
  if (error) return html`<${Shell} at="runs" crumbs=${crumbs}><h1>Session ${sid}</h1><${Could} error=${error} /><//>`;
  if ((!caught && heard) || (!live.began && !info)) return html`<${Shell} at="runs" crumbs=${crumbs}>${row.error ? html`<h1>Session ${sid}</h1><${Could} error=${row.error} again=${row.again} />` : html`<h1 class="hidden">Session ${sid}</h1><${Reading} />`}<//>`;
  const over = end !== "";
  const point = live.current;
  const far = point ? soFar(point) : null;
  const rungs = [...live.points.values()].map((one) => rung(one, live));
  return html`<${Shell} at="runs" crumbs=${crumbs} hears state=${{ [sid]: live.state }}>
    ${!heard && !over && html`<div class="alert inconclusive"><${Icon} name="note" /><p><b>Not heard.</b> The run goes on without this page; what you see is of ${new Date(live.now * 1000).toLocaleTimeString("en-GB")}. Trying again each second.</p></div>`}
    ${over ? html`<${Ended} live=${live} row=${told} about=${info} end=${end} may=${Boolean(version?.starts) && version?.role === "operator"} />` : html`<div class="page-head"><div><h1>${sentence(live, end, info)}</h1>
      <p class="meta"><b>${info?.scenarios.join(", ")}</b>${info ? ` · started ${when(info.started)} ${info.started_by === "ui" ? "here" : "in a shell, followed here"}` : ""} · session <span class="mono">${sid}</span></p></div>
      <div class="where-now"><${States} live=${live} end=${end} /><p>${info?.finishing ? "ends after this point" : `${took(live.now - live.began)} gone`}<${Silence} live=${live} ahead=${ahead} text=${(/** @type {string} */ gone) => html`<br /><span class="soft">last heard ${gone} ago</span>`} /></p></div></div>`}
    ${live.problems.map((text) => html`<div class="alert invalid"><${Icon} name="invalid" /><p>${text}</p></div>`)}
    <div class="live-grid">
      <section><div class="sec"><h2>Points</h2><p>the first limit of each, p99 if there is one</p></div>${rungs.length ? html`<${Ladder} points=${near(rungs)} />${rungs.length > near(rungs).length && html`<p class="small soft">${many(rungs.length - near(rungs).length, "other point")}: ${others(rungs, near(rungs))}.</p>`}` : html`<p class="soft">Not known yet.</p>`}<p class="small soft">Red line: the limit. A bar is where the true value lies.</p></section>
      <div class="what" id="now">
        ${!over && live.state === "staging" && html`<${Phases} live=${live} />`}
        ${!over && live.state === "running" && point && far && html`<section><div class="sec"><h2>${point.tried ? `Search, ${trying(point)}` : how(point)}, second ${point.seconds[point.seconds.length - 1]?.index ?? "–"}</h2><p>${point.tried ? html`${number(point.duration)} s of this load; what it shows says which one comes next` : html`look ${point.look} of ${point.looks} at ${number(point.duration)} s ${point.look < point.looks ? "gives the verdict, or looks on" : "gives the verdict"}`}</p></div>
          <dl class="nums"><div><dt>Successful</dt><dd>${far.seconds ? number(far.completed / far.seconds) : "–"} <small>/s</small></dd><dd class="sub">${point.offered ? `of ${number(point.offered)} offered` : "as fast as it goes"}</dd></div>
            <div><dt>p99</dt><${About} seconds=${percentile(far.buckets, 99, far.failed)} /><dd class="sub">${allowed(point, "p99")}</dd></div>
            <div><dt>p50</dt><${About} seconds=${percentile(far.buckets, 50, far.failed)} /><dd class="sub">${allowed(point, "p50")}</dd></div>
            <div><dt>Failed</dt><dd>${number(far.failed)}</dd><dd class="sub">of ${number(far.due)}${far.due ? `: ${share(far.failed / far.due)}` : ""}</dd></div></dl></section>
          <${Preview} point=${point} live=${live} />`}
        ${point && point.seconds.length > 0 && html`<${Seconds} point=${point} live=${live} title=${over || live.state !== "running" ? `The last ${point.tried ? "load of the search" : "point"}, ${point.id}` : "Response time of every one"} />`}
        <${Log} live=${live} />${over && info?.started_by === "ui" && html`<${Output} sid=${sid} />`}
      </div>
      <div class="where">${point && html`<${Where} point=${point} live=${live} />`}
        ${over && info && html`<section><div class="sec"><h2>How it ended</h2></div><${Facts} one pairs=${[["Exit code", !told ? "–" : told.exit_code === null ? "none" : `${told.exit_code}, ${told.exit_meaning}`], ["Took", took(live.now - live.began)], ["Removed", live.teardown ? `${live.teardown.done} of ${live.teardown.total}` : "–"], ["Started by", info.started_by === "ui" ? "this UI" : "a shell"]]} /></section>`}
        ${!over && version?.role === "operator" && html`<section><${Marker} sid=${sid} /></section>${version.starts && html`<section><${Stop} key=${sid} session=${{ scenarios: [], marks: "", ...info, sid, state: info?.state === "stopping" ? "stopping" : live.state }} /></section>`}`}</div>
    </div><//>`;
};
