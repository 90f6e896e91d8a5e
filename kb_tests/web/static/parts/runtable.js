// Runs as rows: outcome, scenarios, where, a mark a point, when.
import { strip } from "../charts/strip.js";
import { many, number, spaced, took, utc, when } from "../lib/words.js";
import { html } from "../vendor/preact.js";
import { Plot } from "./chart.js";
import { Outcome, letter, word } from "./outcome.js";

/** What became of the points, in words. @param {[string, string][]} points */
export const counted = (points) => {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const [, outcome] of points) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${word(outcome).toLowerCase()}`).join(", ") || "no point";
};

/** What a run came to: one that was stopped is not just "not run". @param {any} run */
export const cameTo = (run) => (run.exit_code === 2 && ["not_run", "empty", "lost"].includes(run.outcome) ? "interrupted" : run.outcome);

/** @param {{ marks: string, title: string }} props */
export const Strip = ({ marks, title }) => html`<${Plot} free cls="strip" draw=${strip} data=${{ marks, title }} />`;

/** @param {{ runs: any[] }} props */
export const RunTable = ({ runs }) => html`
  <table class="stack runs">
    <thead><tr><th>Outcome</th><th>Scenario</th><th>Cloud</th><th>Points</th><th>Over its limit, or closest to it</th><th class="num">Took</th><th>Started</th><th>Run</th></tr></thead>
    <tbody>${runs.map((run) => html`<tr class="go" key=${run.run}>
      <td class="st"><${Outcome} of=${cameTo(run)} />${run.new_failure && html` <span class="new">new</span>`}</td>
      <th scope="row"><a href=${`/runs/${run.run}`}>${run.scenarios.join(", ") || "no scenario"}</a>${run.tags.map((/** @type {string} */ tag) => html` <span class="tag">${tag}</span>`)}</th>
      <td class="cl"><span title=${run.cloud}>${run.cloud}</span></td>
      <td class=${`pts${run.points.length > 12 ? " many" : ""}`}><${Strip} marks=${run.points.slice(0, 24).map((/** @type {string[]} */ p) => letter(p[1])).join("")} title=${counted(run.points)} />${run.points.length > 24 && html`<span class="small soft">of ${number(run.points.length)}</span>`}</td>
      <td class="say">${spaced(run.closest) || counted(run.points)}${run.leaks > 0 && html`, <b>${many(run.leaks, "resource")} left on the cloud</b>`}</td>
      <td class="num" data-l="Took">${run.ended ? took((Date.parse(run.ended) - Date.parse(run.started)) / 1000) : "–"}</td>
      <td data-l="Started" title=${utc(run.started)}>${when(run.started)}</td>
      <td class="mono" data-l="By">${run.run}</td></tr>`)}</tbody>
  </table>`;
