// The points of a run, one rung each: how much load, what p99 came to, against its limit.
import { html } from "../vendor/preact.js";
import { Bounds } from "./checks.js";
import { Icon, tone } from "./outcome.js";

/** @param {{ points: { key: string, href: string, outcome: string, load: string, how: string, p99: string, bound: any, plain?: boolean, current?: boolean }[] }} props */
export const Ladder = ({ points }) => html`
  <ol class="ladder">${points.map((point) => html`
    <li class=${tone(point.outcome)} key=${point.key}><a href=${point.href} aria-current=${point.current ? "true" : undefined} title=${point.key}>
      <${Icon} name=${tone(point.outcome)} /><span><span class="hidden">${point.outcome || "to come"}: </span>${point.load}<span class="how">${point.how}</span></span>
      ${point.plain ? html`<span></span>` : html`<${Bounds} of=${point.bound} height=${38} />`}<span class="p99">${point.p99}</span>
    </a></li>`)}</ol>`;
