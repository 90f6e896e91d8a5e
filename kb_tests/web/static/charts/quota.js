// A quota as a bar: what is used, what this run would take, what is free; over its end it is red.
import { el, lin, widthOf } from "./draw.js";

/** @param {HTMLElement} host @param {{ used: number, wanted: number, limit: number, title: string }} d */
export const quota = (host, d) => {
  const W = widthOf(host);
  const taken = d.used + d.wanted;
  const over = taken > d.limit;
  const s = el(host, "svg", { width: W, height: 16, role: "img", "aria-label": d.title });
  const x = lin(0, Math.max(d.limit, taken, 1), 0, W);
  el(s, "rect", { class: "bar wash", x: 0, y: 3, width: x(d.limit), height: 10 });
  el(s, "rect", { class: "bar used", x: 0, y: 3, width: x(d.used), height: 10 });
  if (d.wanted) el(s, "rect", { class: `bar ${over ? "fail" : "acc"}`, x: x(d.used) + 1, y: 3, width: Math.max(1.5, x(taken) - x(d.used) - 1), height: 10 });
  el(s, "line", { class: over ? "lim" : "ax", x1: x(d.limit) - 0.5, x2: x(d.limit) - 0.5, y1: 0, y2: 16 });
};
