// The heat map on its canvas: a column for each row of counts, more is further from the paper.
import { css, el, ticksTime } from "./draw.js";
import { time } from "../lib/words.js";

/** Where bucket `i` begins, in seconds: a quarter of an octave each. @param {number} i */
export const edge = (i) => 2 ** (i / 4) * 1e-6;

/** @typedef {{ at: number, step: number, rows: [number, number][][] }} Heat */

/**
 * What a percent of the counts do not exceed, spread evenly over a bucket's logarithm.
 * @param {Map<number, number>} buckets @param {number} percent
 */
export const percentile = (buckets, percent) => {
  let rank = (([...buckets.values()].reduce((a, b) => a + b, 0)) * percent) / 100;
  for (const bucket of [...buckets.keys()].sort((a, b) => a - b)) {
    const count = buckets.get(bucket) ?? 0;
    if (rank > 0 && rank <= count) return edge(bucket + rank / count);
    rank -= count;
  }
  return Number.NaN;
};

/** The counts of seconds `from` to `to`. @param {Heat} heat @param {number} from @param {number} to */
export const between = (heat, from, to) => {
  /** @type {Map<number, number>} */
  const found = new Map();
  heat.rows.forEach((row, i) => {
    const at = heat.at + i * heat.step;
    if (at < from || at >= to) return;
    for (const [bucket, count] of row) found.set(bucket, (found.get(bucket) ?? 0) + count);
  });
  return found;
};

/** The times that a map reaches from and to. @param {Heat} heat @param {number[]} also times that have to be seen */
export const reach = (heat, also) => {
  let low = Infinity;
  let high = -Infinity;
  for (const row of heat.rows)
    for (const [bucket] of row) {
      low = Math.min(low, bucket);
      high = Math.max(high, bucket + 1);
    }
  const times = [...also.filter((v) => Number.isFinite(v) && v > 0), ...(low < high ? [edge(low), edge(high)] : [])];
  if (!times.length) return [1e-3, 1];
  return [Math.min(...times) / 1.1, Math.max(...times) * 1.25];
};

/** With as many columns as there are pixels for, at most: what lies under one of them is counted together. @param {Heat} heat @param {number} width of a column @returns {Heat} */
const joinedRows = (heat, width) => {
  const many = Math.ceil(1 / Math.max(width, 1e-3));
  if (many < 2) return heat;
  /** @type {[number, number][][]} */
  const rows = [];
  for (let i = 0; i < heat.rows.length; i += many) {
    /** @type {Map<number, number>} */
    const sum = new Map();
    for (const row of heat.rows.slice(i, i + many)) for (const [bucket, count] of row) sum.set(bucket, (sum.get(bucket) ?? 0) + count);
    rows.push([...sum]);
  }
  return { at: heat.at, step: heat.step * many, rows };
};

/**
 * @param {HTMLCanvasElement} canvas @param {Element} svg @param {Heat} heat
 * @param {{ x: import("./draw.js").Scale, y: import("./draw.js").Scale, left: number, right: number, top: number, height: number, range: number[] }} o
 */
export const paint = (canvas, svg, heat, o) => {
  const dpr = Math.max(1, devicePixelRatio || 1);
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  ctx.fillStyle = css("--line");
  for (const v of ticksTime(o.range[0], o.range[1], o.height)) {
    ctx.fillRect(o.left, Math.round(o.y(v)), o.right - o.left, 1);
    el(svg, "text", { class: "t", x: o.left - 6, y: o.y(v) + 4, "text-anchor": "end" }, time(v));
  }
  const joined = joinedRows(heat, o.x(heat.step) - o.x(0));
  const stops = [0, 1, 2, 3, 4, 5, 6].map((i) => css(`--heat-${i}`)).map((h) => [1, 3, 5].map((p) => Number.parseInt(h.slice(p, p + 2), 16)));
  let most = 1;
  for (const row of joined.rows) for (const [, count] of row) most = Math.max(most, count);
  const scale = Math.log(1 + most);
  /** @param {number} count */
  const colour = (count) => {
    const u = (Math.log(1 + count) / scale) * (stops.length - 1);
    const i = Math.min(stops.length - 2, Math.floor(u));
    return `rgb(${stops[i].map((v, j) => Math.round(v + (stops[i + 1][j] - v) * (u - i))).join()})`;
  };
  const hair = o.x(joined.step) - o.x(0) >= 7 ? 1 : 0;
  joined.rows.forEach((row, i) => {
    const at = joined.at + i * joined.step;
    const a = Math.round(o.x(at));
    const b = Math.max(a + 1, Math.round(o.x(at + joined.step)) - hair);
    for (const [bucket, count] of row) {
      const bottom = Math.min(Math.round(o.y(edge(bucket))), o.top + o.height);
      const top = Math.max(Math.round(o.y(edge(bucket + 1))), o.top);
      if (!count || bottom <= top) continue;
      ctx.fillStyle = colour(count);
      ctx.fillRect(a, top, b - a, bottom - top);
    }
  });
};
