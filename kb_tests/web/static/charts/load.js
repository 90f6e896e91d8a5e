// A time over load: one mark a point in the shape of its outcome, its bounds as a whisker.
import { number } from "../lib/words.js";
import { el, frame, lin, log, mark, nice, path, ticksTime, xAxis, yAxis } from "./draw.js";

/**
 * @typedef {{ title: string, unit: string, limit: number | null, points: { x: number, v: number, low: number | null, high: number | null, outcome: string, series: string }[] }} Loads
 */

/** @param {HTMLElement} host @param {Loads} d */
export const load = (host, d) => {
  const H = 250;
  const [s, W] = frame(host, H, d.title);
  const left = 50;
  const right = W - 20;
  const top = 14;
  const bottom = H - 36;
  const most = Math.max(...d.points.map((p) => p.x)) * 1.06;
  const values = d.points.flatMap((p) => [p.v, p.low ?? p.v, p.high ?? p.v]).filter((v) => v > 0 && Number.isFinite(v));
  if (d.limit) values.push(d.limit);
  const range = [Math.min(...values) * 0.7, Math.max(...values) * 1.4];
  const x = lin(0, most, left, right);
  const y = log(range[0], range[1], bottom, top);
  yAxis(s, y, ticksTime(range[0], range[1], bottom - top), left, right);
  el(s, "line", { class: "ax", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  xAxis(s, x, nice(most, W < 420 ? 3 : 6), bottom, number);
  el(s, "text", { class: "t", x: (left + right) / 2, y: H - 4, "text-anchor": "middle" }, `offered, ${d.unit}`);
  if (d.limit) {
    const at = Math.round(y(d.limit)) + 0.5;
    el(s, "line", { class: "lim", x1: left, x2: right, y1: at, y2: at });
    el(s, "text", { class: "t lim b halo", x: left + 5, y: at - 5 }, "limit");
  }
  for (const series of new Set(d.points.map((p) => p.series))) {
    const own = d.points.filter((p) => p.series === series).sort((a, b) => a.x - b.x);
    el(s, "path", { class: "l thin ink", d: path(own.map((p) => [x(p.x), y(p.v)])) });
  }
  for (const p of d.points) {
    if (p.low !== null && p.high !== null && p.low > 0) el(s, "line", { class: `err ${p.outcome}`, x1: x(p.x), x2: x(p.x), y1: y(Math.max(p.low, range[0])), y2: y(Math.min(p.high, range[1])) });
    mark(s, p.outcome, x(p.x), y(p.v));
  }
};
