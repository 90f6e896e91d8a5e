// The check table: every limit on the same line, what was measured, and by how much it is kept or broken.
import { bounds, boundsHead } from "../charts/bounds.js";
import { spaced } from "../lib/words.js";
import { html, useMemo } from "../vendor/preact.js";
import { Plot } from "./chart.js";
import { Outcome, tone } from "./outcome.js";

/** @param {{ of: any, height?: number }} props */
export const Bounds = ({ of, height }) => {
  const { low = null, at = null, high = null } = of ?? {};
  const data = useMemo(() => ({ low, at, high, height }), [low, at, high, height]);
  return html`<${Plot} cls="bounds" draw=${bounds} data=${data} />`;
};

export const BoundsHead = () => html`<${Plot} cls="bounds" draw=${boundsHead} data=${null} /><span class="hidden">Bounds against the limit</span>`;

/** @param {{ checks: any[], confidence: string, label: string }} props */
export const Checks = ({ checks, confidence, label }) => html`
  <table class="checks stack" aria-label=${label}>
    <thead><tr><th>Limit on</th><th class="num">Allowed</th><th class="num">Measured</th><th class="num">True value${confidence && `, ${confidence} sure`}</th><th class="b"><${BoundsHead} /></th><th>By how much</th><th>Verdict</th></tr></thead>
    <tbody>${checks.map((check) => html`
      <tr class=${tone(check.outcome)} title=${check.detail}>
        <th scope="row">${check.subject}</th><td class="num" data-l="Allowed">${spaced(check.limit)}</td>
        <td class=${`num ${check.outcome === "fail" ? "fail" : ""}`} data-l="Measured">${spaced(check.value)}</td>
        <td class="num" data-l="True value">${spaced(check.interval || "–")}</td>
        <td class="b"><${Bounds} of=${check} /></td><td class="say">${spaced(check.margin)}</td><td><${Outcome} of=${check.outcome} /></td>
      </tr>`)}</tbody>
  </table>`;
