// The heat map on its canvas: a column for each row of counts, more is further from the paper.
import { css, el, ticksTime } from "./draw.js";
import { time } from "../lib/words.js";

/** Where bucket `i` begins, in seconds: a quarter of an octave each. @param {number} i */
export const edge = (i) => 2 ** (i / 4) * 1e-6;

/** The bucket of what is slower than any that was measured: of failed ones. */
const BEYOND = 254;

/** Where a bucket ends, which a percentile of it does not exceed. @param {number} bucket */
export const atMost = (bucket) => (bucket >= BEYOND ? Infinity : edge(bucket + 1));

/** @typedef {[number, number][]} Row buckets and how many are in each */
/** @typedef {{ at: number, step: number, rows: Row[] }} Heat */

/**
 * What a percent of the counts do not exceed, spread evenly over a bucket's logarithm; `failed` ones are slower than any.
 * @param {Map<number, number>} buckets @param {number} percent @param {number} [failed]
 */
export const percentile = (buckets, percent, failed = 0) => {
  const done = [...buckets.values()].reduce((a, b) => a + b, 0);
  let rank = ((done + failed) * percent) / 100;
  if (rank > done) return Infinity;
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

/** The first and behind the last bucket of a row, which does not change once it is there. @type {WeakMap<Row, [number, number]>} */
const ends = new WeakMap();

/** @param {Row} row @returns {[number, number]} */
const endsOf = (row) => {
  let found = ends.get(row);
  if (!found) {
    found = [Infinity, -Infinity];
    for (const [bucket] of row) found = [Math.min(found[0], bucket), Math.max(found[1], bucket + 1)];
    ends.set(row, found);
  }
  return found;
};

/** The times that a map reaches from and to. @param {Heat} heat @param {(number | null)[][]} also times that have to be seen */
export const reach = (heat, also) => {
  let low = Infinity;
  let high = -Infinity;
  for (const row of heat.rows) {
    const [from, to] = endsOf(row);
    if (from < low) low = from;
    if (to > high) high = to;
  }
  const times = low < high ? [edge(low), edge(high)] : [Infinity, 0];
  for (const values of also)
    for (const value of values)
      if (value !== null && value > 0 && Number.isFinite(value)) {
        if (value < times[0]) times[0] = value;
        if (value > times[1]) times[1] = value;
      }
  return times[1] ? [times[0] / 1.1, times[1] * 1.25] : [1e-3, 1];
};

/** @typedef {{ rows: Row[], cells: Row, most: number }} Column what lies under one column, counted together */
/** @typedef {{ key: string, columns: Map<number, Column> }} Painted */

/** @param {Row[]} rows @returns {Column} */
const column = (rows) => {
  let cells = rows[0];
  if (rows.length > 1) {
    /** @type {Map<number, number>} */
    const sum = new Map();
    for (const row of rows) for (const [bucket, count] of row) sum.set(bucket, (sum.get(bucket) ?? 0) + count);
    cells = [...sum];
  }
  let most = 1;
  for (const [, count] of cells) if (count > most) most = count;
  return { rows, cells, most };
};

/**
 * The columns by their number on the axis of time, `many` rows each: those of `before` where they have the same rows.
 * @param {Heat} heat @param {number} many @param {Map<number, Column>} before
 */
export const columnsOf = (heat, many, before) => {
  /** @type {Map<number, Column>} */
  const found = new Map();
  const first = Math.round(heat.at / heat.step);
  for (let i = 0, end = 0; i < heat.rows.length; i = end) {
    const number = Math.floor((first + i) / many);
    end = Math.min(heat.rows.length, (number + 1) * many - first);
    const known = before.get(number);
    let same = known?.rows.length === end - i;
    for (let k = i; same && k < end; k++) same = known?.rows[k - i] === heat.rows[k];
    found.set(number, known && same ? known : column(heat.rows.slice(i, end)));
  }
  return found;
};

/** What is on each canvas, so that only another column is painted anew. @type {WeakMap<HTMLCanvasElement, Painted>} */
const painted = new WeakMap();
/** @type {WeakMap<HTMLElement, HTMLCanvasElement>} */
const surfaces = new WeakMap();

/** The canvas of a place: the same one, with what is on it, as long as its size is. @param {HTMLElement} host @param {number} width @param {number} height */
export const surface = (host, width, height) => {
  const dpr = Math.max(1, devicePixelRatio || 1);
  const canvas = surfaces.get(host) ?? document.createElement("canvas");
  surfaces.set(host, canvas);
  const [w, h] = [Math.round(width * dpr), Math.round(height * dpr)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.setAttribute("aria-hidden", "true");
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    painted.delete(canvas);
  }
  host.append(canvas);
  return canvas;
};

/**
 * @param {HTMLCanvasElement} canvas @param {Element} svg @param {Heat} heat
 * @param {{ x: import("./draw.js").Scale, y: import("./draw.js").Scale, left: number, right: number, top: number, height: number, range: number[] }} o
 */
export const paint = (canvas, svg, heat, o) => {
  const dpr = Math.max(1, devicePixelRatio || 1);
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** Whole pixels of the screen, so that no cell blends into another. @param {number} v */
  const px = (v) => Math.round(v * dpr);
  const [left, right, top, bottom] = [px(o.left), px(o.right), px(o.top), px(o.top + o.height)];
  const grid = ticksTime(o.range[0], o.range[1], o.height);
  for (const v of grid) el(svg, "text", { class: "t", x: o.left - 6, y: o.y(v) + 4, "text-anchor": "end" }, time(v));
  const wide = (o.x(heat.step) - o.x(0)) * dpr;
  const many = Math.max(1, Math.ceil(1 / Math.max(wide, 1e-3)));
  const hair = wide * many >= 7 * dpr ? px(1) : 0;
  const colours = ["--line", ...[0, 1, 2, 3, 4, 5, 6].map((i) => `--heat-${i}`)].map(css);
  const start = heat.at - Math.round(heat.at / heat.step) * heat.step;
  const before = painted.get(canvas);
  const columns = columnsOf(heat, many, before?.columns ?? new Map());
  let most = 1;
  for (const one of columns.values()) if (one.most > most) most = one.most;
  const key = [canvas.width, canvas.height, dpr, left, right, top, bottom, o.range, o.x(0), wide, many, heat.step, start, most, colours].join(" ");
  painted.set(canvas, { key, columns });

  const stops = colours.slice(1).map((h) => [1, 3, 5].map((p) => Number.parseInt(h.slice(p, p + 2), 16)));
  const scale = Math.log(1 + most);
  /** @type {Map<number, string>} */
  const mixed = new Map();
  /** @param {number} count */
  const colour = (count) => {
    let found = mixed.get(count);
    if (!found) {
      const u = (Math.log(1 + count) / scale) * (stops.length - 1);
      const i = Math.min(stops.length - 2, Math.floor(u));
      found = `rgb(${stops[i].map((v, j) => Math.round(v + (stops[i + 1][j] - v) * (u - i))).join()})`;
      mixed.set(count, found);
    }
    return found;
  };
  /** @type {Map<number, [number, number]>} */
  const heights = new Map();
  /** @param {number} bucket */
  const place = (bucket) => {
    let found = heights.get(bucket);
    if (!found) {
      found = [Math.max(px(o.y(edge(bucket + 1))), top), Math.min(px(o.y(edge(bucket))), bottom)];
      heights.set(bucket, found);
    }
    return found;
  };
  /** @param {number} number of a column */
  const across = (number) => {
    const a = px(o.x(start + number * many * heat.step));
    return [Math.max(left, a), Math.min(right, Math.max(a + 1, px(o.x(start + (number + 1) * many * heat.step)) - hair))];
  };
  const lines = grid.map((v) => px(o.y(v)));
  /** @param {number} number @param {Column} one */
  const fill = (number, one) => {
    const [a, b] = across(number);
    if (a >= b) return; // what ended after the window
    for (const [bucket, count] of one.cells) {
      const [high, low] = place(bucket);
      if (!count || low <= high) continue;
      ctx.fillStyle = colour(count);
      ctx.fillRect(a, high, b - a, low - high);
    }
  };
  if (before?.key !== key) {
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    ctx.fillStyle = colours[0];
    for (const y of lines) ctx.fillRect(left, y, right - left, px(1));
    for (const [number, one] of columns) fill(number, one);
    return;
  }
  for (const number of new Set([...before.columns.keys(), ...columns.keys()])) {
    const one = columns.get(number);
    if (before.columns.get(number) === one) continue;
    const [a, b] = across(number);
    ctx.clearRect(a, top, b - a, bottom - top);
    ctx.fillStyle = colours[0];
    for (const y of lines) {
      const from = Math.max(y, top);
      const to = Math.min(y + px(1), bottom);
      const [begin, end] = [Math.max(a, left), Math.min(b, right)];
      if (from < to && begin < end) ctx.fillRect(begin, from, end - begin, to - from);
    }
    if (one) fill(number, one);
  }
};
