// B to A on a line: "same" in the middle of a log axis; a bar is where the true ratio lies.
import { el, log, widthOf } from "./draw.js";

/** @typedef {{ low: number | null, at: number | null, high: number | null, height?: number }} Ratio */

const TICKS = /** @type {[number, string][]} */ ([[0.25, "¼"], [0.5, "½"], [1, "same"], [2, "2×"], [4, "4×"], [8, "8×"]]);
const [FROM, TO] = [0.2, 10];

/** @param {number} width */
const scale = (width) => log(FROM, TO, 0, width);

/** The scale above the rows. @param {HTMLElement} host */
export const ratioHead = (host) => {
  const W = widthOf(host);
  const s = el(host, "svg", { width: W, height: 18, "aria-hidden": "true" });
  const x = scale(W);
  for (const [value, text] of W < 160 ? TICKS.filter(([v]) => v === 1) : TICKS) el(s, "text", { class: `t${value === 1 ? " in b" : ""}`, x: x(value), y: 13, "text-anchor": "middle" }, text);
};

/** @param {HTMLElement} host @param {Ratio} d */
export const ratio = (host, d) => {
  const W = widthOf(host) || 60;
  const H = d.height ?? 34;
  const s = el(host, "svg", { width: W, height: H, "aria-hidden": "true" });
  const x = scale(W);
  const m = H / 2;
  const place = (/** @type {number} */ value) => Math.max(0, Math.min(W, x(Math.max(value, 1e-9))));
  for (const [value] of TICKS) el(s, "line", { class: value === 1 ? "ax" : "g", x1: x(value), x2: x(value), y1: 0, y2: H });
  if (d.low !== null && (d.low > 0 || d.high !== null)) {
    const a = place(d.low);
    const b = d.high === null ? W : place(d.high);
    el(s, "rect", { class: "bar", x: a, y: m - 5, width: Math.max(3, b - a), height: 10, opacity: 0.72 });
    if (d.high === null || d.high > TO) el(s, "path", { class: "bar", d: `M${W - 7} ${m - 7}L${W} ${m}L${W - 7} ${m + 7}Z` });
    if (d.low < FROM) el(s, "path", { class: "bar", d: `M7 ${m - 7}L0 ${m}L7 ${m + 7}Z` });
  }
  if (d.at !== null && d.at >= FROM && d.at <= TO) el(s, "rect", { class: "bar ink", x: Math.max(0, x(d.at) - 1.25), y: m - 9, width: 2.5, height: 18 });
};
