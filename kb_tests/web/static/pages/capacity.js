// A capacity search: what it found, what was over its limit by load, how it narrowed, every load that it tried.
import { Could, Reading, useData } from "../lib/load.js";
import { place } from "../lib/route.js";
import { Chart } from "../parts/described.js";
import { Icon, Outcome, tone } from "../parts/outcome.js";
import { Shell } from "../parts/shell.js";
import { html } from "../vendor/preact.js";
import { Facts } from "./run.js";

/** @param {{ table: any }} props */
const Tried = ({ table }) => html`<section aria-labelledby="h-tried"><div class="sec"><h2 id="h-tried">Loads tried</h2><p>in order; each verdict is of that window alone</p></div>
  <div class="scroll" tabindex="0" role="region" aria-label="Loads tried"><table><thead><tr>${table.columns.map((/** @type {string} */ name, /** @type {number} */ i) => html`<th class=${i < 3 || i === 4 ? "num" : ""}>${name}</th>`)}</tr></thead>
  <tbody>${table.rows.map((/** @type {string[]} */ row) => html`<tr>${row.map((cell, i) => (i === row.length - 1 ? html`<td><span class=${`o ${tone(cell)}`}><${Icon} name=${tone(cell)} />${cell}</span></td>` : html`<td class=${i < 3 || i === 4 ? "num" : ""}>${cell}</td>`))}</tr>`)}</tbody></table></div></section>`;

/** @param {{ run: string, point: string }} props */
export const Capacity = ({ run, point: id }) => {
  const attempt = place.value.query.get("attempt") ?? "1";
  const { data: point, error, again } = useData(`/runs/${run}/points/${encodeURIComponent(id)}?attempt=${encodeURIComponent(attempt)}`);
  const crumbs = html`<a href="/runs">Runs</a> <span class="far">/ <a href=${`/runs/${run}`}>${point?.cloud ?? run}</a> / <b>capacity</b></span>`;
  const search = point?.search;
  if (!search) return html`<${Shell} at="runs" crumbs=${crumbs}>${error ? html`<h1>${id}</h1><${Could} error=${error} again=${again} />` : point ? html`<h1>${id} is no search</h1><p><a href=${`/runs/${run}/points/${encodeURIComponent(id)}`}>The point</a> stands on a page of its own.</p>` : html`<${Reading} />`}<//>`;
  return html`<${Shell} at="runs" crumbs=${crumbs}>
    <div class="page-head"><div><p><${Outcome} of=${point.row.label} /></p><h1>${search.told[0]}</h1>${search.told.slice(1).map((/** @type {string} */ text) => html`<p class="lead">${text}</p>`)}
      <p class="meta">${point.row.title}</p></div></div>
    <div class="cols">${point.charts.map((/** @type {any} */ one, /** @type {number} */ i) => html`<section class=${i ? "c5" : "c7"}><${Chart} of=${one} /></section>`)}</div>
    <div class="cols"><div class="c7"><${Tried} table=${search.tried} /></div><section class="c5"><div class="sec"><h2>What was asked</h2></div><${Facts} one pairs=${search.asked} /></section></div>
  <//>`;
};
