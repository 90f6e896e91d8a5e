// One mark a point: passes are a calm line, whatever is no pass leaves it and has a shape of its own.
import { el } from "./draw.js";

/** p pass, f fail, i inconclusive, x invalid, m measured, r running, . to come, - without a result. */
/** @param {Element} s @param {string} c @param {number} x @param {number} y @param {number} w */
export const tiny = (s, c, x, y, w) => {
  if (c === "p") el(s, "rect", { class: "m-pass", x: x - w, y: y - 1.5, width: 2 * w, height: 3 });
  if (c === "f") {
    el(s, "rect", { class: "m-fail", x: x - w, y: y - 7, width: 2 * w, height: 12 });
    el(s, "path", { class: "cut", d: `M${x - w + 1.2} ${y - 3.4}l${2 * w - 2.4} 4.6m0 -4.6l${-(2 * w - 2.4)} 4.6` });
  }
  if (c === "i") el(s, "path", { class: "m-inconclusive", d: `M${x} ${y - 5.5}L${x + w + 0.5} ${y}L${x} ${y + 5.5}L${x - w - 0.5} ${y}Z` });
  if (c === "x") {
    el(s, "rect", { class: "m-invalid", x: x - w, y: y - 4, width: 2 * w, height: 8 });
    el(s, "path", { class: "cut", d: `M${x} ${y - 2.6}v3m0 1.2v1.2` });
  }
  if (c === "m") el(s, "rect", { class: "bar soft", x: x - w, y: y - 1.5, width: 2 * w, height: 3 });
  if (c === "-") el(s, "rect", { class: "m-none", x: x - w + 0.5, y: y - 1.5, width: 2 * w - 1, height: 3 });
  if (c === "r") el(s, "circle", { class: "m-run pulse", cx: x, cy: y, r: Math.min(4, w) });
  if (c === ".") el(s, "circle", { class: "m-none", cx: x, cy: y, r: 1.6 });
};

/** @param {HTMLElement} host @param {{ marks: string, title: string }} d */
export const strip = (host, d) => {
  const step = 11;
  const s = el(host, "svg", { width: Math.max(1, d.marks.length) * step, height: 16, class: "strip", role: "img", "aria-label": d.title });
  [...d.marks].forEach((c, i) => { tiny(s, c, i * step + step / 2, 9, step / 2 - 1); });
};
