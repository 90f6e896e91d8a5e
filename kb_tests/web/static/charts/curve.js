// Response time by percentile. Limits are hurdles that the curve must pass under.
import { time } from "../lib/words.js";
import { el, frame, lin, log, mark, path, ticksTime, xAxis, yAxis } from "./draw.js";

/**
 * @typedef {{
 *   title: string,
 *   lines: { name: string, cls: string, points: [number, number | null][] }[],
 *   limits: { percent: number, seconds: number, outcome: string, value: number | null }[],
 * }} Curves
 */

const LEAST = 25;
const MOST = 99.99;

/** @param {HTMLElement} host @param {Curves} d */
export const curve = (host, d) => {
  const H = 280;
  const [s, W] = frame(host, H, d.title);
  const narrow = W < 440;
  const left = 50;
  const right = W - (narrow ? 10 : 66);
  const top = 12;
  const bottom = H - 24;
  const lines = d.lines.map((line) => ({ ...line, points: /** @type {[number, number][]} */ (line.points.filter(([p, v]) => p >= LEAST && v !== null && v > 0)) }));
  const values = [...lines.flatMap((line) => line.points.map(([, v]) => v)), ...d.limits.map((limit) => limit.seconds)];
  if (!values.length) return;
  const range = [Math.min(...values) * 0.8, Math.max(...values) * 1.5];
  /** @param {number} p */
  const tail = (p) => Math.log10(1 / (1 - Math.min(p, MOST) / 100));
  const x = lin(tail(LEAST), tail(MOST), left, right);
  const y = log(range[0], range[1], bottom, top);
  yAxis(s, y, ticksTime(range[0], range[1], bottom - top), left, right);
  const ticks = narrow ? [50, 90, 99, 99.9] : [50, 90, 99, 99.9, 99.99];
  for (const p of ticks) el(s, "line", { class: "g", x1: Math.round(x(tail(p))) + 0.5, x2: Math.round(x(tail(p))) + 0.5, y1: top, y2: bottom });
  el(s, "line", { class: "ax", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  xAxis(s, (p) => Math.min(x(tail(p)), right - 8), ticks, bottom, (p) => `p${p}`);
  let before = -100;
  for (const line of lines) {
    const points = /** @type {[number, number][]} */ (line.points.map(([p, v]) => [x(tail(p)), y(v)]));
    el(s, "path", { class: `l ${line.cls}`, d: path(points) });
    const last = points[points.length - 1];
    if (!last || narrow) continue;
    const place = Math.abs(last[1] - before) < 14 ? before + 14 : last[1];
    before = place;
    el(s, "text", { class: `t halo b ${line.cls.includes("acc") ? "acc" : "in"}`, x: last[0] + 5, y: place + 4 }, line.name);
  }
  for (const limit of d.limits) {
    const px = x(tail(limit.percent));
    const py = y(limit.seconds);
    const broken = limit.outcome === "fail";
    const near = px - 15 < left + 10;
    el(s, "path", { class: "lim", "stroke-width": 2, d: `M${px - 15} ${py}H${px + 15}M${px} ${py}V${py - 7}` });
    el(s, "text", { class: "t lim b halo", x: near ? left + 3 : px, y: broken ? py + 14 : py - 11, "text-anchor": near ? "start" : "middle" }, `≤ ${time(limit.seconds)}`);
    if (broken && limit.value !== null && limit.value < range[1]) mark(s, "fail", px, y(limit.value), 4.5);
  }
};
