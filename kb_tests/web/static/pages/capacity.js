// A capacity search: what it found, what each load showed, how it narrowed, every load that it tried.
import { alone } from "../lib/api.js";
import { Could, Reading, useData } from "../lib/load.js";
import { place } from "../lib/route.js";
import { besides, spaced } from "../lib/words.js";
import { Checks } from "../parts/checks.js";
import { Command } from "../parts/copy.js";
import { Chart } from "../parts/described.js";
import { Icon, Outcome } from "../parts/outcome.js";
import { Shell } from "../parts/shell.js";
import { html } from "../vendor/preact.js";
import { Facts, againPath } from "./run.js";

/** A probe that breaks a limit is no failure: that is what a search looks for. */
const VERDICTS = /** @type {Record<string, string>} */ ({ kept: "pass", broken: "fail", "cannot tell": "inconclusive" });
const WORDS = ["Why", "Verdict"];

/** @param {{ verdict: string }} props */
const Told = ({ verdict }) => {
  const tone = VERDICTS[verdict] ?? "invalid";
  return html`<span class=${`o ${tone}`}><${Icon} name=${tone} />${verdict.charAt(0).toUpperCase()}${verdict.slice(1)}</span>`;
};

/** @param {{ table: any }} props */
const Tried = ({ table }) => {
  const wordy = table.columns.map((/** @type {string} */ name) => WORDS.includes(name));
  return html`<section aria-labelledby="h-tried"><div class="sec"><h2 id="h-tried">Loads tried</h2><p>in order; each verdict is of that window alone; where the capacity seems to be is by the figures so far</p></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Loads tried"><table><thead><tr>${table.columns.map((/** @type {string} */ name, /** @type {number} */ i) => html`<th class=${wordy[i] ? "" : "num"}>${name}</th>`)}</tr></thead>
    <tbody>${table.rows.map((/** @type {string[]} */ row) => html`<tr>${row.map((cell, i) => (table.columns[i] === "Verdict" ? html`<td><${Told} verdict=${cell} /></td>` : html`<td class=${wordy[i] ? "" : "num"}>${spaced(cell)}</td>`))}</tr>`)}</tbody></table></div></section>`;
};

/** @param {{ run: string, point: string }} props */
export const Capacity = ({ run, point: id }) => {
  const attempt = place.value.query.get("attempt") ?? "1";
  const { data: point, error, again } = useData(`/runs/${run}/points/${encodeURIComponent(id)}?attempt=${encodeURIComponent(attempt)}`);
  const crumbs = html`<a href="/runs">Runs</a> <span class="far">/ <a href=${`/runs/${run}`}>${point?.cloud ?? run}</a> / <b>capacity${point ? ` of ${point.row.scenario}` : ""}</b></span>`;
  const search = point?.search;
  if (!search) return html`<${Shell} at="runs" crumbs=${crumbs}>${error ? html`<h1>${id}</h1><${Could} error=${error} again=${again} />` : point ? html`<h1>${id} is no search</h1><p><a href=${`/runs/${run}/points/${encodeURIComponent(id)}`}>The point</a> stands on a page of its own.</p>` : html`<${Reading} />`}<//>`;
  const [first, ...rest] = point.charts;
  const order = rest.pop();
  return html`<${Shell} at="runs" crumbs=${crumbs}>
    <div class="page-head"><div><p><${Outcome} of=${point.row.label} /></p><h1>${spaced(search.told[0])}</h1>${search.told.slice(1).map((/** @type {string} */ text) => html`<p class="lead">${spaced(text)}</p>`)}
      <p class="meta">${point.row.title}</p></div>
      <div class="actions">${!alone && html`<a class="btn small primary" href=${againPath(point.cloud, [point.row.scenario])}>Search again</a>`}<a class="btn small" href=${`/runs/${run}`}>See the run</a></div></div>
    ${besides(point.findings, search.told).map((text) => html`<div class="finding"><div><${Outcome} of=${point.row.label} /></div><div>${spaced(text)}</div></div>`)}
    ${point.notes.map((/** @type {string} */ text) => html`<div class="alert"><${Icon} name="note" /><p>${text}</p></div>`)}
    ${point.checks.some((/** @type {any} */ check) => check.name !== "capacity") && html`<section><${Checks} checks=${point.checks} confidence=${point.confidence} label="Limits and what was measured" /></section>`}
    ${first && html`<div class="cols">${[first, ...(order ? rest : [])].map((/** @type {any} */ one, /** @type {number} */ i) => html`<section class=${i ? "c5" : "c7"} key=${one.name}><${Chart} of=${one} /></section>`)}</div>`}
    <div class="cols">${order && html`<section class="c7"><${Chart} of=${order} /></section>`}
      <section class="c5"><div class="sec"><h2>What was asked</h2></div><${Facts} one pairs=${search.asked.map((/** @type {string[]} */ [name, text]) => [name, spaced(text)])} />
        ${search.narrower && html`<div class="sec gap"><h2>Narrower</h2></div><p class="small">${search.narrower[0]}</p><${Command} text=${search.narrower[1]} label="Search narrower" />`}</section></div>
    ${search.tried.rows.length > 0 && html`<${Tried} table=${search.tried} />`}
  <//>`;
};
