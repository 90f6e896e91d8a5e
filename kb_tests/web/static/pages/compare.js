// Runs against runs: what differs besides, every point's ratio with its bounds, and one point on both sides.
import { plot } from "../charts/plot.js";
import { ratio, ratioHead } from "../charts/ratio.js";
import { timeline } from "../charts/timeline.js";
import { Could, Reading, useData } from "../lib/load.js";
import { ask, place } from "../lib/route.js";
import { many, number, spaced, when } from "../lib/words.js";
import { Figure, Plot, Ramp } from "../parts/chart.js";
import { Icon, Outcome, letter, tone } from "../parts/outcome.js";
import { Strip, counted } from "../parts/runtable.js";
import { Shell } from "../parts/shell.js";
import { html } from "../vendor/preact.js";
import { pointPath } from "./run.js";

const ALL = "all points";
const MARKS = /** @type {Record<string, [string, string, string]>} */ ({ worse: ["worse", "fail", "Worse"], better: ["better", "pass", "Better"], "no difference shown": ["same", "none", "No difference shown"] });

/** @param {{ mark: string }} props */
const Mark = ({ mark }) => html`<span class=${`o ${MARKS[mark][0]}`}><${Icon} name=${MARKS[mark][0]} />${MARKS[mark][2]}</span>`;

/** Three a side are what a tag names. @param {{ tags: string[], side: string }} props */
const Tagged = ({ tags, side }) => html`<optgroup label="All runs with a tag">${tags.map((tag) => html`<option value=${tag} selected=${tag === side}>${tag}</option>`)}</optgroup>`;

/** @param {{ side: string, letter: string, runs: any[] }} props */
const Choice = ({ side, letter: name, runs }) => {
  const tags = [...new Set(runs.flatMap((run) => run.tags))].sort();
  const known = tags.includes(side) || runs.some((run) => run.run === side);
  return html`<label class="row side"><b>${name}</b> <select value=${side} onChange=${(/** @type {any} */ event) => ask({ [name.toLowerCase()]: event.target.value, point: "", anyway: "" })}><option value="">choose a run</option>${side && !known && html`<option value=${side} selected>${side}</option>`}${tags.length > 0 && html`<${Tagged} tags=${tags} side=${side} />`}${runs.map((run) => html`<option value=${run.run} selected=${run.run === side}>${run.run} · ${run.scenarios.join(", ")} on ${run.cloud}, ${when(run.started)}</option>`)}</select></label>`;
};

/** @param {{ sides: any[], runs: any[] }} props */
const Sides = ({ sides, runs }) => html`<table class="ab stack"><thead><tr><th></th><th>Side</th><th>Runs</th><th>Scenario</th><th>Cloud</th><th>Points</th><th>Outcome</th></tr></thead><tbody>${sides.map((side, i) => {
  const known = runs.find((run) => run.run === side.runs[0]);
  const name = side.runs.length === 1 ? html`<a href=${`/runs/${side.runs[0]}`}>${side.name}</a>` : side.name;
  return html`<tr><td><b class="key"><svg aria-hidden="true" width="20" height="10"><line class=${`l ${i ? "acc" : "soft"}`} x1="0" x2="20" y1="5" y2="5" /></svg>${"AB"[i]}</b></td><th scope="row">${name}</th><td data-l="Runs">${side.told}</td><td data-l="Scenario">${known?.scenarios.join(", ") ?? "–"}</td><td data-l="Cloud">${known?.cloud ?? "–"}</td><td data-l="Points">${known ? html`<${Strip} marks=${known.points.slice(0, 24).map((/** @type {string[]} */ p) => letter(p[1])).join("")} title=${counted(known.points)} />` : "–"}</td><td>${known && side.runs.length === 1 ? html`<${Outcome} of=${known.outcome} />` : "–"}</td></tr>`;
})}</tbody></table>`;

/** @param {{ found: any }} props */
const Differences = ({ found }) => html`<section aria-labelledby="h-diff"><div class="sec"><h2 id="h-diff">What differs besides the result</h2><p>${found.differences.length ? `${many(found.differences.length, "thing")}${found.differences.some((/** @type {any} */ one) => one.refused) ? "; what is marked has to agree" : ""}` : "nothing, as far as the records tell"}</p></div>
  ${found.differences.length > 0 && html`<dl class="diffs">${found.differences.map((/** @type {any} */ one) => html`<div><dt>${one.refused && html`<span class="o fail"><${Icon} name="fail" /></span> `}${one.name}</dt><dd>${one.a}</dd><dd>${one.b}</dd></div>`)}</dl>`}</section>`;

/** Where the true ratio lies. @param {any} row */
const ratios = (row) => (!row.told_bounds || (row.low === null && row.high === null) ? row.told_bounds || row.told_ratio : row.high === null ? `over ${number(row.low)}` : row.low === null ? `under ${number(row.high)}` : `${number(row.low)} to ${number(row.high)}`);

/** @param {{ found: any, figure: string, picked: string }} props */
const Ratios = ({ found, figure, picked }) => {
  const figures = [...new Set(found.rows.map((/** @type {any} */ row) => row.figure))];
  const first = found.points[0]?.match(/^(.*)-clients-/)?.[1];
  const short = (/** @type {string} */ id) => (found.points.every((/** @type {string} */ one) => one.startsWith(`${first}-`)) ? id.slice(first.length + 1).replace(/^clients-(\d+)-(?:rate-)?/, "$1 × ") : id);
  const rows = found.rows.filter((/** @type {any} */ row) => row.figure === figure);
  return html`<section aria-labelledby="h-points"><div class="sec"><h2 id="h-points">${figure}, B against A</h2><p>bar: where the true ratio lies, each bound ${number(found.confidence * 100)} % sure for all rows together</p><span class="end"><span class="seg" role="group" aria-label="Figure">${figures.map((one) => html`<button aria-pressed=${one === figure} onClick=${() => ask({ figure: String(one) })}>${one}</button>`)}</span></span></div>
    <table class="checks stack ratios"><thead><tr><th>Point</th><th class="num">A</th><th class="num">B</th><th class="b"><${Plot} cls="bounds" draw=${ratioHead} data=${null} /><span class="hidden">Ratio of B to A</span></th><th class="num">Ratio</th><th>What this sample shows</th><th>B may lose ${number(found.max_slower * 100)} %</th></tr></thead>
      <tbody>${rows.map((/** @type {any} */ row) => html`<tr class=${`${MARKS[row.mark][1]} ${row.point === ALL ? "" : "go"}`} aria-selected=${row.point === picked}><th scope="row">${row.point === ALL ? "All points" : html`<a href="#" onClick=${(/** @type {Event} */ event) => { event.preventDefault(); ask({ point: row.point }); }}>${short(row.point)}</a>`}</th><td class="num" data-l="A">${spaced(row.told_a || "–")}</td><td class="num" data-l="B">${spaced(row.told_b || "–")}</td><td class="b"><${Plot} cls="bounds" draw=${ratio} data=${{ low: row.low, at: row.ratio, high: row.high }} /></td><td class="num" data-l="Ratio">${ratios(row)}</td><td>${row.note ? html`<span class="soft">${row.note}</span>` : html`<${Mark} mark=${row.mark} />`}</td><td data-l=${`B may lose ${number(found.max_slower * 100)} %`}>${row.counts && html`<span class=${`o ${tone(row.outcome)}`}><${Icon} name=${tone(row.outcome)} />${row.outcome}</span>`}</td></tr>`)}</tbody></table>
    <p class="small soft">“No difference shown” does not say that there is none. ${found.smallest_sentence} ${found.basis_sentence}</p></section>`;
};

/** One point on both sides: percentiles, and every second. @param {{ a: string, b: string, point: string }} props */
const Beside = ({ a, b, point }) => {
  const both = [useData(`/runs/${encodeURIComponent(a)}/points/${encodeURIComponent(point)}`), useData(`/runs/${encodeURIComponent(b)}/points/${encodeURIComponent(point)}`)];
  if (both.some((one) => !one.data)) return both.some((one) => one.error) ? null : html`<${Reading} />`;
  const [mine, other] = /** @type {any[]} */ (both.map((one) => one.data));
  if (mine.search || other.search) return html`<section><div class="sec"><h2>${point} on both sides</h2></div>${[["A", mine, a], ["B", other, b]].map(([name, one, run]) => html`<p key=${name}><b>${name}</b> ${spaced(one.search?.told[0] ?? one.reason)} <a href=${pointPath(run, { id: point, told: one.search?.told, attempt: 1 })}>How it was searched</a></p>`)}</section>`;
  const curveOf = (/** @type {any} */ one) => one.charts.find((/** @type {any} */ chart) => chart.x?.form === "nines");
  const lines = [["A", mine], ["B", other]].flatMap(([name, one]) => {
    const own = (curveOf(one)?.lanes[0].series ?? []).filter((/** @type {any} */ line) => line.role === "measured");
    return own.map((/** @type {any} */ line) => ({ ...line, name: own.length > 1 ? `${name} ${line.name}` : name, chosen: name === "B", tone: 1 }));
  });
  const first = curveOf(mine) ?? curveOf(other);
  const curves = first && { ...first, title: `Response time by percentile of ${point} on both sides`, says: "", bands: [], x: { ...first.x, high: Math.max(curveOf(mine)?.x.high ?? 0, curveOf(other)?.x.high ?? 0) }, lanes: [{ ...first.lanes[0], series: lines }] };
  const series = (/** @type {any} */ one, /** @type {string} */ name) => {
    const heat = one.seconds.heats[0] ?? null;
    return { title: `${name}, second by second`, at: one.seconds.at, rates: [{ name: "successful", values: one.seconds.rate }], failed: one.seconds.failed, offered: one.row.offered ? [one.row.offered] : [], unit: "per second", lines: one.seconds.lines.filter((/** @type {any} */ line) => !heat || line.of === heat.name || one.seconds.heats.length === 1).map((/** @type {any} */ line) => ({ name: line.name, values: line.values })), heat, limits: one.limits.map((/** @type {any} */ limit) => ({ name: limit.name, seconds: limit.seconds })) };
  };
  const mapped = /** @type {[string, any][]} */ ([["A", mine], ["B", other]]).filter(([, one]) => one.seconds?.heats.length > 0).map(([name, one]) => /** @type {[string, any]} */ ([name, series(one, name)]));
  if (!curves && !mapped.length) return null;
  return html`<div class="cols"><section class="c5">${curves && html`<${Figure} title=${`${point} by percentile`}><${Plot} draw=${plot} data=${curves} /><//>`}</section>
    ${mapped.length > 0 && html`<section class="c7"><${Figure} title=${`${point} by second`} end=${html`<${Ramp} />`}>${mapped.map(([name, one]) => html`<p class="small"><b>${name}</b></p><${Plot} draw=${timeline} data=${{ ...one, beside: mapped.map(([, other]) => other) }} look=${{ lanes: ["heat"], height: 150 }} />`)}<//></section>`}</div>`;
};

export const Compare = () => {
  const query = place.value.query;
  const [a, b] = [query.get("a") ?? "", query.get("b") ?? ""];
  const anyway = query.get("anyway") === "1";
  const runs = useData("/runs?limit=200").data?.runs ?? [];
  const asked = a ? `/comparison?a=${encodeURIComponent(a)}${b ? `&b=${encodeURIComponent(b)}` : ""}${anyway ? "&anyway=1" : ""}` : "/version";
  const { data, error, again } = useData(asked);
  const found = a ? /** @type {any} */ (data) : null;
  const lacksB = a && !b && error?.message.includes("in pairs"); // nothing is wrong yet: A is chosen before B
  const figures = found ? [...new Set(found.rows.map((/** @type {any} */ row) => row.figure))] : [];
  const lost = (/** @type {any} */ row) => (row.less ? row.low ?? 0 : 1 / (row.high ?? 1e9));
  const worst = found?.rows.filter((/** @type {any} */ row) => row.mark === "worse" && row.point !== ALL).sort((/** @type {any} */ one, /** @type {any} */ other) => lost(other) - lost(one))[0];
  const figure = String([query.get("figure"), worst?.figure, "p99"].find((one) => figures.includes(one)) ?? figures.find((one) => String(one).endsWith("p99")) ?? figures[0] ?? "");
  const picked = query.get("point") || worst?.point || found?.points[0] || "";
  const count = (/** @type {string} */ mark) => new Set(found.rows.filter((/** @type {any} */ row) => row.mark === mark && row.point !== ALL).map((/** @type {any} */ row) => row.point)).size;
  const single = found?.sides.every((/** @type {any} */ side) => side.runs.length === 1) && a !== b && b;
  return html`<${Shell} at="compare" crumbs=${html`<b>Compare</b>`}>
    <div class="page-head"><div><h1>${found ? spaced(found.headline) : "Compare runs"}</h1>${found ? html`<p class="lead" role="status">${many(found.points.length, "point")} on both sides: ${count("worse")} worse, ${count("better")} better. ${[...found.reasons, ...found.left_out].join(" ")}</p>` : html`<p class="lead">Is B slower than A, by how much, and how sure is that? Runs that were staged each for itself take three a side for a verdict.</p>`}</div>
      <div class="actions" role="group" aria-label="Sides"><${Choice} side=${a} letter="A" runs=${runs} /><${Choice} side=${b} letter="B" runs=${runs} />${a && b && html`<button class="btn small" onClick=${() => ask({ a: b, b: a })}>Swap A and B</button>`}${found && html`<${Outcome} of=${found.outcome} />`}</div></div>
    ${lacksB && html`<p>Choose B, too: <span class="mono">${a}</span> alone was not measured in pairs.</p>`}
    ${a && error && !lacksB && html`<${Could} error=${error} again=${again} />${error.message.includes("--anyway") && html`<p class="actions"><button class="btn" onClick=${() => ask({ anyway: "1" })}>Compare anyway</button></p>`}`}
    ${a && !found && !error && html`<${Reading} />`}
    ${found && html`<${Sides} sides=${found.sides} runs=${runs} /><${Differences} found=${found} /><${Ratios} found=${found} figure=${figure} picked=${picked} />${single && picked && html`<${Beside} key=${`${a} ${b} ${picked}`} a=${found.sides[0].runs[0]} b=${found.sides[1].runs[0]} point=${picked} />`}`}
  <//>`;
};
