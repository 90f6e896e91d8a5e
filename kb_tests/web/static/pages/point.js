// One point: its limits, every second, percentiles, where, and the state of the generators.
import { between, percentile } from "../charts/heat.js";
import { hosts } from "../charts/hosts.js";
import { timeline } from "../charts/timeline.js";
import { Could, Reading, useData } from "../lib/load.js";
import { ask, place } from "../lib/route.js";
import { besides, number, share, spaced, time } from "../lib/words.js";
import { Figure, Plot, Ramp } from "../parts/chart.js";
import { Checks } from "../parts/checks.js";
import { Chart } from "../parts/described.js";
import { Outcome } from "../parts/outcome.js";
import { Shell } from "../parts/shell.js";
import { html, useMemo, useState } from "../vendor/preact.js";
import { Facts, pointPath } from "./run.js";

/** "38" or "38-52" of the address. @param {string} text @returns {[number, number] | null} */
const chosen = (text) => {
  const found = /^(-?\d+)(?:-(-?\d+))?$/.exec(text);
  if (!found) return null;
  const from = Number(found[1]);
  return [from, found[2] ? Number(found[2]) : from + 1];
};

/** A sentence of its own, as the end of another one. @param {string} text */
const within = (text) => (/^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text).replace(/\.$/, "");

/** @param {any} lane @param {string} role */
const ofRole = (lane, role) => lane.series.filter((/** @type {any} */ one) => one.role === role);

/** The description of a point over time as a picture by second; of reads or writes alone where each has a heat map. @param {any} chart @param {any} heat @param {boolean} only @param {string} unit */
const bySecond = (chart, heat, only, unit) => {
  const [rates, times] = chart.lanes;
  const at = ofRole(rates, "measured")[0]?.x ?? [];
  const mine = (/** @type {any} */ one) => only || !heat || (one.of ?? one.name).startsWith(`${heat.name} `);
  const bare = (/** @type {string} */ name) => (only || !heat ? name : name.replace(`${heat.name} `, ""));
  return {
    title: `${heat ? "Heat map of " : ""}${unit.startsWith("requests") ? "response time" : "latency"} by second`, at, unit, heat,
    rates: ofRole(rates, "measured").map((/** @type {any} */ one) => ({ name: one.name, values: one.y })),
    offered: ofRole(rates, "compared").map((/** @type {any} */ one) => one.y[0]),
    failed: ofRole(rates, "failed")[0]?.y ?? at.map(() => 0),
    lines: times.series.filter(mine).map((/** @type {any} */ one) => ({ name: bare(one.name), values: one.y })),
    limits: times.limits.filter(mine).map((/** @type {any} */ one) => ({ name: bare(one.of), seconds: one.at })),
    marks: chart.marks.map((/** @type {any} */ mark) => [mark.x, mark.text]),
    bands: chart.bands.filter((/** @type {any} */ band) => band.wash === "recovery"),
    until: chart.x.high,
  };
};

/** @param {{ point: any, chart: any, heat: any, only: boolean, lanes: string[], brush: [number, number] | null }} props */
const Seconds = ({ point, chart, heat, only, lanes, brush }) => {
  const [read, tell] = useState(/** @type {number | null} */ (null));
  const http = point.row.kind === "http";
  const series = useMemo(() => bySecond(chart, heat, only, http ? "requests/s" : "I/Os per second"), [point, heat]);
  const { at, lines, limits, rates, failed } = series;
  const told = read === null ? -1 : at.findIndex((/** @type {number} */ second) => Math.floor(second) === read);
  const words = told < 0 ? "Drag to select seconds; arrow keys read one second, with Shift ten." : `Second ${read}: ${lines.map((/** @type {any} */ l) => `${l.name} about ${time(l.values[told])}`).join(", ")}; ${rates.map((/** @type {any} */ one) => `${number(one.values[told])} ${rates.length > 1 ? one.name : "successful"}`).join(", ")}, ${number(failed[told])} failed`;
  const p99 = lines.find((/** @type {any} */ l) => l.name.endsWith("p99"))?.values.filter((/** @type {any} */ v, /** @type {number} */ i) => v !== null && v > 0 && at[i] >= 0) ?? [];
  const says = p99.length ? `p99 ${time(Math.min(...p99))} to ${time(Math.max(...p99))} in each second${limits.length ? `, limit ${limits.map((/** @type {any} */ l) => `${l.name} ${time(l.seconds)}`).join(", ")}` : ""}` : "";
  const table = { columns: chart.table.columns, rows: chart.table.rows.map((/** @type {string[]} */ row) => row.map(spaced)) };
  return html`<section><${Figure} title=${`${heat ? (http ? "Every request by second and response time" : "Every I/O by second and latency") : http ? "Response time by second" : "Latency by second"}${only ? "" : `: ${heat?.name ?? ""}s`}`} says=${says} table=${table} end=${heat && html`<${Ramp} />`}>
    <${Plot} draw=${timeline} data=${series} label=${series.title} look=${{ lanes, height: heat ? 300 : 200, cursor: read, brush, onRead: tell, onBrush: (/** @type {number} */ a, /** @type {number} */ b) => ask({ t: `${a}-${b}` }) }} />
    <p class="read" aria-live="polite">${words} ${brush && html`<b>${brush[0]} to ${brush[1]} s selected</b> <button class="btn quiet small" onClick=${() => ask({ t: "" })}>Clear</button>`}</p>
    ${!heat && html`<p class="small soft">Neither the record nor the events of its session have the times of each second, so that there is no heat map.</p>`}<//></section>`;
};

/** The curve of the selected seconds beside that of the whole point. @param {any} chart @param {any[]} heats @param {[number, number] | null} brush */
const withChosen = (chart, heats, brush) => {
  if (!brush) return chart;
  const chosen = heats.flatMap((/** @type {any} */ heat) => {
    const buckets = between(heat, brush[0], brush[1]);
    const count = [...buckets.values()].reduce((a, b) => a + b, 0);
    if (!count) return [];
    const x = Array.from({ length: 61 }, (_, i) => (i / 60) * Math.log10(Math.max(count, 2)));
    const name = `${heats.length > 1 ? `${heat.name}, ` : ""}${brush[0]} to ${brush[1]} s`;
    return [{ name, x, y: x.map((nines) => percentile(buckets, 100 * (1 - 10 ** -nines)) || null), tone: 0, role: "measured", shape: "line", low: [], high: [], outcomes: [], texts: [], beyond: [], group: "", chosen: true }];
  });
  const [lane] = chart.lanes;
  return { ...chart, lanes: [{ ...lane, series: [...lane.series, ...chosen] }] };
};

/** @param {{ point: any, brush: [number, number] | null }} props */
const Percentiles = ({ point, brush }) => {
  const heats = point.seconds?.heats ?? [];
  const picked = brush && heats.length ? heats.map((/** @type {any} */ heat) => ({ name: heat.name, buckets: between(heat, brush[0], brush[1]) })) : [];
  const broken = new Map(point.limits.filter((/** @type {any} */ l) => l.outcome === "fail").map((/** @type {any} */ l) => [l.name, true]));
  return html`<section><div class="sec"><h2>Percentiles</h2>${picked.length > 0 && html`<p>selected seconds: about, from classes of 19 %</p>`}</div>
    <table><thead><tr><th></th>${point.percents.map((/** @type {number} */ p) => html`<th class="num">p${p}</th>`)}</tr></thead><tbody>
      ${point.percentiles.map((/** @type {any} */ [name, values]) => html`<tr><th scope="row">${name}</th>${values.map((/** @type {string} */ text, /** @type {number} */ i) => html`<td class=${`num ${broken.has(`p${point.percents[i]}`) && name === "response" ? "fail" : ""}`}>${spaced(text)}</td>`)}</tr>`)}
      ${picked.map((/** @type {any} */ one) => html`<tr><th scope="row">${one.name}, ${brush?.[0]} to ${brush?.[1]} s</th>${point.percents.map((/** @type {number} */ p) => html`<td class="num">${one.buckets.size ? time(percentile(one.buckets, p), 2) : "–"}</td>`)}</tr>`)}
    </tbody></table></section>`;
};

/** @param {{ table: any, title: string }} props */
const Rows = ({ table, title }) => html`<section><div class="sec"><h2>${title}</h2><p>slowest first${table.more ? `, ${table.more} more are not shown` : ""}</p></div>
  <div class="scroll" tabindex="0" role="region" aria-label=${title}><table><thead><tr>${table.columns.map((/** @type {string} */ name, /** @type {number} */ i) => html`<th class=${i > 1 ? "num" : ""}>${name}</th>`)}</tr></thead>
  <tbody>${table.rows.map((/** @type {string[]} */ row) => html`<tr>${row.map((cell, i) => html`<td class=${i > 1 ? "num" : ""}>${spaced(cell)}</td>`)}</tr>`)}</tbody></table></div></section>`;

/** @param {{ run: string, point: string }} props */
export const Point = ({ run, point: id }) => {
  const query = place.value.query;
  const attempt = query.get("attempt") ?? "1";
  const { data: point, error, again } = useData(`/runs/${run}/points/${encodeURIComponent(id)}?attempt=${encodeURIComponent(attempt)}`);
  const crumbs = html`<a href="/runs">Runs</a> <span class="far">/ <a href=${`/runs/${run}`}>${point?.cloud ?? run}</a> / <b>${point ? `${point.row.how}${point.row.kind === "http" ? "" : `, ${point.row.load}`}` : id}</b></span>`;
  if (!point) return html`<${Shell} at="runs" crumbs=${crumbs}>${error ? html`<h1>${id}</h1><${Could} error=${error} again=${again} />` : html`<${Reading} />`}<//>`;
  const brush = chosen(query.get("t") ?? "");
  const heats = point.seconds?.heats.length ? point.seconds.heats : [null];
  /** Of what was loaded and has no p99, failed ones are over a percent: they are slower than any. */
  const where = point.hosts.map((/** @type {any} */ h) => ({ ...h, p99: h.p99 === null && h.completed + h.failed ? Infinity : h.p99 }));
  const finding = point.findings[0] ?? (point.row.label === "pass" ? "all limits are kept" : within(point.reason) || (point.row.label === "measured" ? "measured for a test that judges by itself" : point.row.label));
  const worst = (/** @type {string} */ key) => Math.max(...point.generators.map((/** @type {any} */ g) => Math.abs(g[key] ?? 0)));
  const over = point.charts.find((/** @type {any} */ one) => one.x?.form === "clock");
  const curve = point.charts.find((/** @type {any} */ one) => one.x?.form === "nines");
  const others = point.charts.filter((/** @type {any} */ one) => one !== over && one !== curve);
  const link = (/** @type {any} */ to, /** @type {string} */ text) => (to ? html`<a class="btn small" rel=${to === point.before ? "prev" : "next"} href=${pointPath(run, { id: to[0], attempt: to[1] })}>${text}</a>` : html`<button class="btn small" disabled>${text}</button>`);
  return html`<${Shell} at="runs" crumbs=${crumbs}>
    <div class="page-head"><div><p><${Outcome} of=${point.row.label} /></p>
      <h1>${spaced(point.search?.told[0] ?? `${point.row.load}, ${point.row.how}: ${finding}`)}</h1>
      <p class="meta">${point.row.title} · ${number(point.duration)} s${point.warm_up ? ` after ${number(point.warm_up)} s of warm-up` : ""}${point.row.looks ? ` · ${point.row.looks} ${point.row.looks === 1 ? "look" : "looks"}` : ""}</p></div>
      <div class="actions">${link(point.before, "← Point before")}${link(point.after, "Next point →")}</div></div>
    ${point.search && html`<p class="lead">${point.search.told.slice(1).map((/** @type {string} */ text) => spaced(text)).join(" ")} <a href=${`/runs/${run}/capacity/${encodeURIComponent(id)}?attempt=${encodeURIComponent(attempt)}`}>How it was searched</a></p>`}
    ${(point.search ? besides(point.findings, point.search.told) : point.findings.slice(1)).map((/** @type {string} */ text) => html`<div class="finding"><div><${Outcome} of=${point.row.label} /></div><div>${spaced(text)}</div></div>`)}
    ${point.notes.map((/** @type {string} */ text) => html`<div class="alert"><svg class="i" aria-hidden="true"><use href="#note" /></svg><p>${text}</p></div>`)}
    ${point.checks.length > 0 && html`<section><${Checks} checks=${point.checks} confidence=${point.confidence} label="Limits and what was measured" /></section>`}
    ${over && heats.map((/** @type {any} */ heat, /** @type {number} */ i) => html`<${Seconds} point=${point} chart=${over} heat=${heat} only=${heats.length === 1} brush=${brush} lanes=${i === heats.length - 1 ? ["heat", "rate", "fail"] : ["heat"]} />`)}
    ${curve && html`<div class="cols"><section class="c7"><${Chart} of=${withChosen(curve, point.seconds?.heats ?? [], brush)} /></section><div class="c5"><${Percentiles} point=${point} brush=${brush} /></div></div>`}
    ${point.hosts.length > 0 && html`<div class="cols"><section class=${point.ways ? "c5" : "c7"}><div class="sec"><h2>Where</h2><p>p99 by host of what was loaded, in the whole point; ■ loaded server${where.some((/** @type {any} */ h) => h.generators) ? " ○ generator" : ""}</p></div>
        <${Plot} cls="plot hosts" draw=${hosts} data=${{ title: `p99 by host: ${where.map((/** @type {any} */ h) => `${h.host} ${time(h.p99)}`).join(", ")}`, limit: point.row.limit, hosts: where }} /></section>
      <div class=${point.ways ? "c7" : "c5"}>${point.ways ? html`<${Rows} table=${point.ways} title="By host" />` : html`<section><div class="sec"><h2>By host</h2></div><table><thead><tr><th>Host</th><th class="num">p99</th><th class="num">successful</th><th class="num">failed</th></tr></thead><tbody>${where.map((/** @type {any} */ h) => html`<tr><th scope="row">${h.host}</th><td class="num">${time(h.p99)}</td><td class="num">${number(h.completed)}</td><td class="num">${number(h.failed)}</td></tr>`)}</tbody></table></section>`}</div></div>`}
    ${others.map((/** @type {any} */ one) => html`<section><${Chart} of=${one} /></section>`)}
    <div class="cols">${point.facts.length > 0 && html`<section class="c7"><div class="sec"><h2>Facts</h2></div><${Facts} pairs=${point.facts} /></section>`}
      ${point.generators.length > 0 && html`<section class="c5"><div class="sec"><h2>${point.row.kind === "http" ? "Generators" : "Servers"}</h2><p>the worst of ${point.generators.length}</p></div><${Facts} one pairs=${[["late, worst", time(worst("lag"))], ["CPU, worst", share(worst("cpu"))], ["clock or start, worst", time(worst("skew"))]]} /></section>`}</div>
  <//>`;
};
