// What charts are drawn with: scales, ticks, marks of outcomes. No inline style, no markup from text.
import { time } from "../lib/words.js";

const NS = "http://www.w3.org/2000/svg";

/** @param {string} name of a custom property */
export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Widths that were told: to ask for one after something was drawn makes a browser lay out the page again. @type {WeakMap<Element, number>} */
const widths = new WeakMap();

/** @param {Element} host @param {number} width */
export const tellWidth = (host, width) => widths.set(host, width);

/** How wide a place is. @param {Element} host */
export const widthOf = (host) => widths.get(host) ?? host.clientWidth;

/**
 * @param {Element} parent @param {string} tag
 * @param {Record<string, string | number | undefined>} [attributes] @param {string | number} [text]
 */
export const el = (parent, tag, attributes = {}, text) => {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = String(text);
  parent.append(made);
  return made;
};

/** @typedef {((value: number) => number) & { inv: (place: number) => number }} Scale */

/** @param {number} a @param {number} b @param {number} p @param {number} q @returns {Scale} */
export const lin = (a, b, p, q) =>
  Object.assign((/** @type {number} */ v) => p + ((v - a) / (b - a || 1)) * (q - p), { inv: (/** @type {number} */ x) => a + ((x - p) / (q - p || 1)) * (b - a) });

/** @param {number} a @param {number} b @param {number} p @param {number} q @returns {Scale} */
export const log = (a, b, p, q) =>
  Object.assign((/** @type {number} */ v) => p + (Math.log(v / a) / Math.log(b / a)) * (q - p), { inv: (/** @type {number} */ x) => a * (b / a) ** ((x - p) / (q - p)) });

/** @param {[number, number][]} points */
export const path = (points) => (points.length ? `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}` : "");

/** Steps of `width`, with a gap where there is no value. @param {[number, number][]} points @param {number} width */
export const steps = (points, width) => {
  let joined = false;
  let out = "";
  for (const [x, y] of points) {
    const there = Number.isFinite(y);
    if (there) out += `${joined ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}H${(x + width).toFixed(1)}`;
    joined = there;
  }
  return out;
};

/** @param {HTMLElement} host @param {number} height @param {string} title @returns {[SVGElement, number]} */
export const frame = (host, height, title) => {
  const width = widthOf(host);
  const svg = /** @type {SVGElement} */ (el(host, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title }));
  return [svg, width];
};

/** Ticks of a log axis of times. @param {number} lo @param {number} hi @param {number} height */
export const ticksTime = (lo, hi, height) => {
  const few = height / Math.log10(hi / lo) < 62;
  const out = [];
  for (let power = -6; power <= 2; power++)
    for (const factor of few ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= lo * 0.999 && value <= hi * 1.001) out.push(value);
    }
  return out;
};

/** Round ticks from 0. @param {number} max @param {number} [count] */
export const nice = (max, count = 4) => {
  const power = 10 ** Math.floor(Math.log10(max / count));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => max / m <= count + 0.5) ?? 10 * power;
  const out = [];
  for (let value = 0; value <= max * 1.0001; value += step) out.push(value);
  return out;
};

/** @param {Element} s @param {Scale} y @param {number[]} ticks @param {number} x0 @param {number} x1 @param {(v: number) => string} [form] */
export const yAxis = (s, y, ticks, x0, x1, form = (v) => time(v)) => {
  for (const value of ticks) {
    const at = Math.round(y(value)) + 0.5;
    el(s, "line", { class: "g", x1: x0, x2: x1, y1: at, y2: at });
    el(s, "text", { class: "t", x: x0 - 6, y: at + 4, "text-anchor": "end" }, form(value));
  }
};

/** @param {Element} s @param {(v: number) => number} x @param {number[]} ticks @param {number} y @param {(v: number) => string} form */
export const xAxis = (s, x, ticks, y, form) => {
  for (const value of ticks) el(s, "text", { class: "t", x: x(value), y: y + 15, "text-anchor": "middle" }, form(value));
};

/** The silhouette of an outcome. @param {Element} g @param {string} o @param {number} x @param {number} y @param {number} [r] */
export const mark = (g, o, x, y, r = 5) => {
  const c = { class: `dot ${o}` };
  if (o === "fail") {
    const k = r * 0.85;
    const d = `M${x - k} ${y - k}L${x + k} ${y + k}M${x + k} ${y - k}L${x - k} ${y + k}`;
    el(g, "path", { d, class: "cross casing" });
    return el(g, "path", { d, class: "cross fail" });
  }
  if (o === "inconclusive") return el(g, "path", { ...c, d: `M${x} ${y - r * 1.3}L${x + r * 1.3} ${y}L${x} ${y + r * 1.3}L${x - r * 1.3} ${y}Z` });
  if (o === "invalid") return el(g, "rect", { ...c, x: x - r, y: y - r, width: 2 * r, height: 2 * r });
  return el(g, "circle", { ...c, cx: x, cy: y, r });
};

/** Labels at one edge, kept apart, in their order. @template {{ y: number }} L @param {L[]} labels @param {number} [least] */
export const apart = (labels, least = 13) => {
  labels.sort((a, b) => a.y - b.y);
  for (let round = 0; round < 20; round++)
    for (let i = 1; i < labels.length; i++) {
      const short = least - (labels[i].y - labels[i - 1].y);
      if (short > 0.1) {
        labels[i].y += short / 2;
        labels[i - 1].y -= short / 2;
      }
    }
  return labels;
};
