// A point second by second: heat map with its percentiles and limits, and lanes under it on the same axis.
import { number, time } from "../lib/words.js";
import { apart, el, frame, lin, log, widthOf } from "./draw.js";
import { paint, reach, surface } from "./heat.js";
import { bar, step, traces, under } from "./trace.js";

/**
 * @typedef {{
 *   title: string,
 *   at: number[], rates: { name: string, values: (number | null)[] }[], failed: (number | null)[], offered: number[], unit: string,
 *   lines: { name: string, values: (number | null)[] }[],
 *   heat: import("./heat.js").Heat | null,
 *   limits: { name: string, seconds: number }[],
 *   until?: number, marks?: [number, string][], bands?: { start: number, end: number }[], looks?: [number, string][],
 *   beside?: Series[],
 * }} Series what is held `beside` it has the same scale of times
 * @typedef {{
 *   lanes?: string[], height?: number, cursor?: number | null, brush?: [number, number] | null,
 *   onRead?: (second: number) => void, onBrush?: (from: number, to: number) => void,
 * }} Look
 */

/** Where a drag over a picture began. @type {WeakMap<HTMLElement, number>} */
const drags = new WeakMap();
/** Pictures of one page, which read the same second. @type {Map<HTMLElement, (second: number) => void>} */
const together = new Map();
const GAP = 25;
const TALL = /** @type {Record<string, number>} */ ({ rate: 52, fail: 26 });

/** The highest of many. @param {number} least @param {(number | null)[][]} all */
const highest = (least, ...all) => {
  for (const values of all) for (const value of values) if (value !== null && value > least) least = value;
  return least;
};

/** @param {HTMLElement} host @param {Series} d @param {Look} o */
export const timeline = (host, d, o) => {
  const W = widthOf(host);
  const narrow = W < 520;
  const left = narrow ? 46 : 54;
  const longest = Math.max(0, ...d.limits.map((limit) => limit.name.length + time(limit.seconds).length + 3));
  const right = W - (narrow ? 58 : Math.min(150, Math.max(96, longest * 6.8 + 12)));
  const lanes = o.lanes ?? ["heat", "rate", "fail"];
  /** @type {Record<string, number>} */
  const tall = { ...TALL, heat: o.height ?? 250 };
  const padding = d.marks?.length || d.looks?.length ? 20 : 8;
  /** @type {Record<string, number>} */
  const at = {};
  let top = padding;
  for (const lane of lanes) {
    at[lane] = top;
    top += tall[lane] + GAP;
  }
  const bottom = top - GAP;
  const height = bottom + 24;
  const first = Math.min(0, ...d.at.slice(0, 1).map(Math.floor));
  const last = Math.max(first + 1, d.until ?? 0, d.at.length ? d.at[d.at.length - 1] + 1 : 1);
  const x = lin(first, last, left, right);
  const width = x(1) - x(0);

  const canvas = surface(host, W, height);
  const trace = traces(host);
  const [s] = frame(host, height, d.title);

  if (at.heat !== undefined) {
    const none = { at: 0, step: 1, rows: [] };
    const heat = d.heat ?? none;
    const each = [d, ...(d.beside ?? [])].map((one) => reach(one.heat ?? none, [one.limits.map((limit) => limit.seconds), ...one.lines.map((line) => line.values)]));
    const range = [Math.min(...each.map(([low]) => low)), Math.max(...each.map(([, high]) => high))];
    const y = log(range[0], range[1], at.heat + tall.heat, at.heat);
    paint(canvas, s, heat, { x, y, left, right, top: at.heat, height: tall.heat, range });
    if (first < 0) {
      el(s, "rect", { class: "veil", x: left, y: at.heat, width: x(0) - left, height: tall.heat });
      if (x(0) - left > 52) el(s, "text", { class: "t", x: left + 3, y: at.heat + 10 }, "warm-up");
    }
    /** @type {{ y: number, x: number, c: string, t: string }[]} */
    const labels = [];
    /** Of lines that end before the right edge. @type {{ y: number, t: string }[]} */
    const inside = [];
    const ended = d.at.length ? x(d.at[d.at.length - 1] + 1) : left;
    d.lines.forEach((line, i) => {
      const own = line.values.map((value, k) => (d.at[k] >= 0 && Number(value) > 0 ? Number(value) : null));
      const p = trace(line.name, d.at, own, { x, y, width, write: step });
      for (const c of i === 0 && d.lines.length > 1 ? ["l casing ink thin", "l core"] : ["l casing", "l ink"]) el(s, "path", { class: c, d: p });
      const lately = own.slice(-5).flatMap((v) => (v === null ? [] : [y(v)])).sort((a, b) => a - b);
      if (lately.length) {
        const mid = lately[Math.floor(lately.length / 2)] + 4;
        if (right - ended > 40) inside.push({ y: mid, t: line.name });
        else labels.push({ y: mid, x: right + 5, c: "t in b", t: line.name });
      }
    });
    for (const label of apart(inside)) el(s, "text", { class: "t in b halo", x: ended + 5, y: label.y }, label.t);
    for (const limit of d.limits) {
      const place = Math.round(y(limit.seconds)) + 0.5;
      el(s, "line", { class: "lim casing", x1: left, x2: right, y1: place, y2: place });
      el(s, "line", { class: "lim", x1: left, x2: right, y1: place, y2: place });
      labels.push({ y: place + 4, x: right + 5, c: "t lim b", t: narrow ? `≤${time(limit.seconds)}` : `${limit.name} ≤ ${time(limit.seconds)}` });
    }
    for (const label of apart(labels)) el(s, "text", { class: label.c, x: label.x, y: label.y }, label.t);
  }
  if (at.rate !== undefined) {
    const most = highest(1, d.offered, ...d.rates.map((one) => one.values));
    const y = lin(0, most * 1.15, at.rate + tall.rate, at.rate);
    const base = y(0);
    el(s, "text", { class: "t", x: left, y: at.rate - 6 }, `successful ${d.unit}${d.offered.length ? "; dashed: offered" : ""}`);
    d.rates.forEach((one, i) => {
      const place = { x, y, width, base };
      if (d.rates.length === 1) el(s, "path", { class: "area ink", d: trace("area", d.at, one.values, { ...place, write: under }) });
      el(s, "path", { class: `l thin ${i ? "acc" : "ink"}`, d: trace(`rate ${i}`, d.at, one.values, { ...place, write: step }) });
    });
    const own = d.rates.map((one) => ({ name: one.name, last: one.values.filter((v) => v !== null).pop() ?? 0 }));
    if (own.length > 1 && !narrow) for (const label of apart(own.map((one) => ({ y: y(one.last) + 4, t: one.name })))) el(s, "text", { class: "t in b", x: right + 5, y: label.y }, label.t);
    for (const offered of new Set(d.offered)) {
      const off = Math.round(y(offered)) - 0.5;
      el(s, "line", { class: "l soft dash", x1: left, x2: right, y1: off, y2: off });
    }
    el(s, "line", { class: "ax", x1: left, x2: right, y1: base + 0.5, y2: base + 0.5 });
    const named = Math.max(0, ...d.offered) || most;
    el(s, "text", { class: "t", x: left - 6, y: y(named) + 4, "text-anchor": "end" }, number(named));
    el(s, "text", { class: "t", x: left - 6, y: base + 3, "text-anchor": "end" }, "0");
  }
  if (at.fail !== undefined) {
    const most = highest(3, d.failed);
    const y = lin(0, most, at.fail + tall.fail, at.fail);
    const base = at.fail + tall.fail;
    el(s, "text", { class: "t", x: left, y: at.fail - 6 }, "failed in each second");
    el(s, "path", { class: "bar fail", d: trace("failed", d.at, d.failed.map((v) => v || null), { x, y, width, base, write: bar }) });
    el(s, "line", { class: "ax", x1: left, x2: right, y1: base + 0.5, y2: base + 0.5 });
    el(s, "text", { class: "t", x: left - 6, y: at.fail + 9, "text-anchor": "end" }, number(most));
  }
  const every = [1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600].find((step) => (last - first) / step <= (narrow ? 6 : 12)) ?? 7200;
  for (let v = 0; v <= last; v += every) {
    const X = Math.round(x(v)) + 0.5;
    el(s, "line", { class: "ax", x1: X, x2: X, y1: bottom, y2: bottom + 4 });
    el(s, "text", { class: "t", x: X, y: bottom + 18, "text-anchor": "middle" }, v === 0 ? "0\u00a0s" : v);
  }
  for (const [second, text] of [...(d.looks ?? []), ...(d.marks ?? [])]) {
    const X = Math.round(x(second)) + 0.5;
    el(s, "line", { class: d.marks?.some((m) => m[0] === second) ? "cur" : "ax", x1: X, x2: X, y1: 14, y2: bottom });
    el(s, "text", { class: "t acc", x: second > (first + last) / 2 ? X - 4 : X + 4, y: 10, "text-anchor": second > (first + last) / 2 ? "end" : "start" }, text);
  }
  for (const band of d.bands ?? []) el(s, "rect", { class: "area acc", x: x(band.start), y: padding, width: Math.max(2, x(Math.min(band.end, last)) - x(band.start)), height: bottom - padding });
  if (o.brush) {
    const [a, b] = o.brush;
    el(s, "rect", { class: "brush", x: x(a), y: padding - 2, width: Math.max(2, x(b) - x(a)), height: bottom - padding + 2 });
    el(s, "text", { class: "t acc halo", x: Math.min(Math.max(x((a + b) / 2), left + 50), right - 50), y: padding + 10, "text-anchor": "middle" }, `${a} to ${b}\u00a0s selected`);
  }

  const cursor = el(s, "line", { class: "cur", y1: padding, y2: bottom, visibility: "hidden" });
  /** @param {number} second */
  const show = (second) => {
    const X = x(second + 0.5);
    cursor.setAttribute("x1", String(X));
    cursor.setAttribute("x2", String(X));
    cursor.setAttribute("visibility", "visible");
  };
  let now = o.cursor ?? null;
  if (now !== null) show(now);
  /** @param {number} second */
  const read = (second) => {
    if (!d.at.length || now === second) return;
    now = Math.max(Math.floor(d.at[0]), Math.min(Math.floor(d.at[d.at.length - 1]), second));
    show(now);
    o.onRead?.(now);
  };
  together.set(host, read);
  /** @param {number} second */
  const tell = (second) => {
    for (const [other, its] of together) {
      if (!other.isConnected) together.delete(other);
      else its(second);
    }
  };
  /** @param {PointerEvent} event */
  const second = (event) => Math.floor(x.inv(event.clientX - host.getBoundingClientRect().left));
  // The picture is drawn anew while somebody drags over it: where that began is known of its place.
  host.onpointerdown = (event) => {
    if (o.onBrush) drags.set(host, second(event));
  };
  const drawn = o.onBrush ? el(s, "rect", { class: "brush", y: padding - 2, height: bottom - padding + 2, visibility: "hidden" }) : null;
  host.onpointermove = (event) => {
    tell(second(event));
    const began = drags.get(host);
    if (began === undefined || !drawn) return;
    const [a, b] = [Math.max(first, Math.min(began, second(event))), Math.min(last, Math.max(began, second(event)) + 1)];
    drawn.setAttribute("x", String(x(a)));
    drawn.setAttribute("width", String(Math.max(1, x(b) - x(a))));
    drawn.setAttribute("visibility", "visible");
  };
  host.onpointerup = (event) => {
    const began = drags.get(host);
    drags.delete(host);
    if (began === undefined || Math.abs(second(event) - began) < 1) return;
    o.onBrush?.(Math.max(first, Math.min(began, second(event))), Math.min(last, Math.max(began, second(event)) + 1));
  };
  host.onpointerleave = () => drags.delete(host);
  host.onkeydown = (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    tell((now ?? Math.floor(d.at[d.at.length - 1] ?? 0)) + way * (event.shiftKey ? 10 : 1));
  };
};
