// One limit, one line: 0, the limit in the middle, twice the limit. Left is kept, right is broken.
import { sig } from "../lib/words.js";
import { el, lin, widthOf } from "./draw.js";

/** @typedef {{ low: number | null, at: number | null, high: number | null, height?: number } | null} Bound */

/** The scale above the rows. @param {HTMLElement} host */
export const boundsHead = (host) => {
  const W = widthOf(host);
  const s = el(host, "svg", { width: W, height: 18, "aria-hidden": "true" });
  el(s, "text", { class: "t", x: 1, y: 13 }, "0");
  el(s, "text", { class: "t lim b", x: W / 2, y: 13, "text-anchor": "middle" }, "limit");
  el(s, "text", { class: "t", x: W - 1, y: 13, "text-anchor": "end" }, "twice");
};

/** @param {HTMLElement} host @param {Bound} d */
export const bounds = (host, d) => {
  const W = widthOf(host) || 60;
  const H = d?.height ?? 34;
  const s = el(host, "svg", { width: W, height: H, "aria-hidden": "true" });
  const x = lin(0, 2, 0, W);
  const m = H / 2;
  el(s, "line", { class: "g", x1: 0, x2: W, y1: m, y2: m });
  if (d && d.at !== null) {
    const low = d.low ?? d.at;
    const high = d.high ?? d.at;
    if (low >= 2) {
      el(s, "path", { class: "bar", d: `M${W - 20} ${m - 5}H${W - 7}L${W - 1} ${m}L${W - 7} ${m + 5}H${W - 20}Z` });
      const says = d.at >= 1000 ? "far beyond" : `${sig(d.at, 2)} times`;
      if (W / 2 - 25 > says.length * 6.6 + 4) el(s, "text", { class: "t tone halo", x: W - 25, y: m + 4, "text-anchor": "end" }, says);
    } else {
      const a = x(Math.max(0, low));
      const b = Math.min(W, x(high));
      el(s, "rect", { class: "bar", x: a, y: m - 5, width: Math.max(3, b - a), height: 10, opacity: 0.72 });
      if (high > 2) el(s, "path", { class: "bar", d: `M${W - 7} ${m - 7}L${W} ${m}L${W - 7} ${m + 7}Z` });
      if (d.at <= 2) el(s, "rect", { class: "bar ink", x: Math.max(0, x(d.at) - 1.25), y: m - 9, width: 2.5, height: 18 });
    }
  }
  el(s, "line", { class: "lim", x1: x(1), x2: x(1), y1: 0, y2: H });
};
