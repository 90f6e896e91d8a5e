// Values over an axis, from the description that the report's picture is made of too.
import { number, share, spaced, time } from "../lib/words.js";
import { apart, el, frame, lin, log, mark, nice, path, steps, ticksTime, xAxis, yAxis, widthOf } from "./draw.js";

/**
 * @typedef {{ form: string, label: string, scale: string, low: number | null, high: number | null }} Axis
 * @typedef {{ name: string, x: number[], y: (number | null)[], tone: number, role: string, shape: string, low: (number | null)[], high: (number | null)[], outcomes: string[], texts: string[], beyond: number[], group: string, chosen?: boolean }} Series
 * @typedef {{ text: string, at: number, x: number | null, value: number | null, outcome: string, of: string }} Limit
 * @typedef {{ y: Axis, series: Series[], limits: Limit[], height: number }} Lane
 * @typedef {{ start: number, end: number, wash: string, text: string }} Band
 * @typedef {{ kind: "plot", name: string, title: string, says: string, x: Axis, lanes: Lane[], bands: Band[], marks: { x: number, text: string }[], table: { columns: string[], rows: string[][] } }} Description
 */

const TALL = 190;
const GAP = 18;
const MOST_GROUPS = 6;
const STYLES = ["ink", "soft", "ink dash", "soft dash", "ink thin", "soft thin"];
const WASHES = /** @type {Record<string, string>} */ ({ kept: "pass", broken: "fail", failed: "wash", "warm-up": "wash", recovery: "acc", open: "wash", unmeasured: "wash", fit: "soft" });
const FORMS = /** @type {Record<string, (v: number) => string>} */ ({ time: (v) => time(v), number: (v) => number(v), share: (v) => share(v), ratio: (v) => `${number(v)} times`, clock: (v) => `${number(v)}\u00a0s` });

/** "p99" of two nines. @param {number} nines */
const percent = (nines) => `p${Number((100 * (1 - 10 ** -nines)).toPrecision(10))}`;

/** @param {Axis} axis @param {(v: number | null) => boolean} [also] */
const placed = (axis, also = () => true) => (/** @type {number | null} */ v) => v !== null && Number.isFinite(v) && (axis.scale !== "log" || v > 0) && also(v);

/** All that has to be seen of a lane. @param {Lane} lane */
const shown = (lane) => /** @type {number[]} */ ([...lane.series.flatMap((s) => [...s.y, ...s.low, ...s.high]), ...lane.limits.map((l) => l.at)].filter(placed(lane.y)));

/** The times or rates that a lane reaches from and to. @param {Lane} lane @returns {[number, number]} */
const reach = (lane) => {
  const values = shown(lane);
  if (lane.y.scale !== "log") return [lane.y.low ?? 0, lane.y.high ?? (Math.max(0, ...values) * 1.12 || 1)];
  const low = Math.min(...values) * 0.7;
  const high = Math.max(...values) * 1.45;
  const middle = Math.sqrt(low * high);
  return [Math.min(lane.y.low ?? low, middle / 3), Math.max(lane.y.high ?? high, middle * 3)];
};

/** @param {Description} d @returns {[number, number]} */
const across = (d) => {
  const every = d.lanes.flatMap((lane) => lane.series.flatMap((s) => [...s.x, ...s.beyond]));
  const low = d.x.low ?? Math.min(0, ...every);
  const high = d.x.high ?? Math.max(...every, low) * 1.05;
  return [low, high > low ? high : low + 1];
};

/** Where the x axis is labelled. @param {Description} d @param {number} low @param {number} high @param {boolean} narrow @returns {number[]} */
const ticks = (d, low, high, narrow) => {
  if (d.x.form === "nines") return [Math.log10(2), 1, 2, 3, 4, 5, 6].filter((nine) => nine <= high);
  const own = [...new Set(d.lanes.flatMap((lane) => lane.series.flatMap((s) => (s.role === "compared" ? [] : s.x))))].sort((a, b) => a - b);
  if (own.length <= (narrow ? 4 : 8) && own.every((v) => Number.isInteger(v) && v < 1000)) return own;
  return nice(high, narrow ? 3 : 6).filter((v) => v >= low);
};

/** Characters of a label beside the picture. */
const LONGEST = 22;

/** The series of a name whose line ends furthest to the right. @param {Lane} lane @param {string} name */
const furthest = (lane, name) => {
  const end = (/** @type {Series} */ one) => Math.max(...one.x.filter((_, i) => placed(lane.y)(one.y[i])));
  return lane.series.filter((one) => one.name === name).reduce((a, b) => (end(b) > end(a) ? b : a));
};

/** Whether the picture has anything. @param {Description} d */
export const drawable = (d) => d.lanes.some((lane) => lane.series.some((s) => s.y.some(placed(lane.y))));

/** @param {HTMLElement} host @param {Description} d */
export const plot = (host, d) => {
  const lanes = d.lanes.filter((lane) => shown(lane).length);
  const titled = d.bands.some((band) => band.text && band.wash !== "failed");
  const head = widthOf(host) < 440 ? (titled ? 34 : 20) : d.marks.length || titled ? 20 : 12;
  const top = head + (lanes[0]?.y.label ? 14 : 0);
  const foot = d.x.label ? 38 : 24;
  const tall = lanes.map((lane) => Math.round(TALL * lane.height));
  const H = top + tall.reduce((a, b) => a + b + GAP, 0) - GAP + foot;
  const [s, W] = frame(host, H, d.says ? `${d.title}: ${spaced(d.says)}` : d.title);
  const narrow = W < 440;
  const left = 54;
  const named = lanes.some((lane) => lane.limits.some((limit) => limit.x === null) || new Set(lane.series.map((one) => one.name + one.group)).size > 1);
  const texts = lanes.flatMap((lane) => [...lane.limits.filter((limit) => limit.x === null).map((limit) => spaced(limit.text)), ...lane.series.map((one) => [one.name, one.group].filter(Boolean).join(", "))]);
  const longest = Math.max(0, ...texts.map((text) => Math.min(LONGEST, text.length)));
  const right = W - (named && !narrow ? Math.max(96, longest * 6.8 + 8) : 20);
  const [low, high] = across(d);
  const x = d.x.scale === "log" ? log(low, high, left, right) : lin(low, high, left, right);
  const bottom = H - foot;
  /** Where the last text over a band ends: the next one stands right of it, or not at all. */
  let taken = 0;
  for (const band of d.bands) {
    const from = Math.max(left, x(band.start));
    const to = Math.min(right, x(band.end));
    if (to <= from) continue;
    el(s, "rect", { class: `area ${WASHES[band.wash] ?? "wash"}`, x: from, y: top, width: to - from, height: bottom - top });
    const failed = band.wash === "failed";
    if (band.text && failed) el(s, "text", { class: "t halo lim b", x: to - 4, y: bottom - 6, "text-anchor": "end" }, spaced(band.text));
    if (!band.text || failed) continue;
    const half = band.text.length * 3.3;
    const middle = Math.max((from + to) / 2, taken + half + 6);
    if (middle + half > W || (middle > to && middle - half > to)) continue;
    taken = middle + half;
    el(s, "text", { class: "t halo in", x: middle, y: 12, "text-anchor": "middle" }, spaced(band.text));
  }
  let above = top;
  lanes.forEach((lane, i) => {
    drawLane(s, lane, { x, left, right, top: above, bottom: above + tall[i], narrow });
    above += tall[i] + GAP;
  });
  const places = ticks(d, low, high, narrow);
  for (const v of places) el(s, "line", { class: "ax", x1: Math.round(x(v)) + 0.5, x2: Math.round(x(v)) + 0.5, y1: bottom, y2: bottom + 4 });
  xAxis(s, x, places, bottom + 2, d.x.form === "nines" ? percent : (FORMS[d.x.form] ?? number));
  if (d.x.label) el(s, "text", { class: "t", x: (left + right) / 2, y: H - 4, "text-anchor": "middle" }, d.x.label);
  for (const one of d.marks) {
    const X = Math.round(x(one.x)) + 0.5;
    el(s, "line", { class: "cur", x1: X, x2: X, y1: 14, y2: bottom });
    el(s, "text", { class: "t acc", x: X, y: 10, "text-anchor": X > (left + right) / 2 ? "end" : "start" }, one.text);
  }
};

/**
 * @param {Element} s @param {Lane} lane
 * @param {{ x: import("./draw.js").Scale, left: number, right: number, top: number, bottom: number, narrow: boolean }} o
 */
const drawLane = (s, lane, o) => {
  const [low, high] = reach(lane);
  const y = lane.y.scale === "log" ? log(low, high, o.bottom, o.top) : lin(low, high, o.bottom, o.top);
  const there = placed(lane.y);
  yAxis(s, y, lane.y.scale === "log" ? ticksTime(low, high, o.bottom - o.top) : nice(high, o.bottom - o.top < 120 ? 2 : 4), o.left, o.right, FORMS[lane.y.form] ?? number);
  el(s, "line", { class: "ax", x1: o.left, x2: o.right, y1: o.bottom + 0.5, y2: o.bottom + 0.5 });
  /** @type {{ y: number, x: number, t: string, c: string }[]} */
  const labels = [];
  const several = new Set(lane.series.map((one) => one.name)).size > 1;
  const main = lane.series.filter((one) => one.role === "measured").pop()?.name;
  const groups = new Set(lane.series.map((one) => one.group)).size;
  /** Places of texts beside values: one that would stand on another takes a free one below or above. @type {[number, number, number][]} */
  const taken = lane.y.label ? [[o.left + 6 + lane.y.label.length * 3.2, o.top - 5, lane.y.label.length * 3.2]] : [];
  const beside = (/** @type {number} */ px, /** @type {number} */ py, /** @type {string} */ text) => {
    const half = text.length * 3.5 + 2;
    const free = (/** @type {number} */ at) => taken.every(([tx, ty, wide]) => Math.abs(tx - px) > wide + half || Math.abs(ty - at) > 12);
    const at = [py - 10, py + 18, py - 23, py + 31].find(free) ?? py - 10;
    taken.push([px, at, half]);
    el(s, "text", { class: "t in b halo", x: px, y: at, "text-anchor": "middle" }, text);
  };
  for (const one of lane.series) {
    const style = one.chosen ? "acc" : one.role === "compared" ? "soft dash" : one.role === "failed" ? "fail" : STYLES[several ? one.tone % STYLES.length : 0];
    const points = /** @type {[number, number][]} */ (one.x.map((v, i) => [o.x(v), there(one.y[i]) ? y(/** @type {number} */ (one.y[i])) : Number.NaN]));
    const whole = points.filter(([, v]) => Number.isFinite(v));
    if (one.low.length && !one.outcomes.length && one.shape !== "dots") band(s, one, o.x, y, there);
    if (one.shape !== "dots") {
      const width = points.length > 1 ? points[1][0] - points[0][0] : 1;
      el(s, "path", { class: `l ${one.outcomes.length ? `thin ${style}` : style}`, d: one.shape === "steps" ? steps(points, width) : pieces(points) });
    }
    points.forEach(([px, py], i) => {
      const outcome = one.outcomes[i] ?? "";
      const [a, b] = [one.low[i], one.high[i]];
      if ((one.outcomes.length || one.shape === "dots") && there(a ?? null) && Number.isFinite(py)) el(s, "line", { class: `err ${outcome}`, x1: px, x2: px, y1: y(Math.max(/** @type {number} */ (a), low)), y2: there(b ?? null) ? y(Math.min(/** @type {number} */ (b), high)) : o.top });
    });
    points.forEach(([px, py], i) => {
      if (!Number.isFinite(py)) return;
      if (one.outcomes.length || one.shape === "dots") mark(s, one.outcomes[i] || "none", px, py, one.outcomes.length > 20 ? 3.5 : 5);
      if (one.texts[i]) beside(px, py, spaced(one.texts[i]));
    });
    for (const v of one.beyond) el(el(s, "path", { class: "bar fail", d: `M${o.x(v) - 6} ${o.top + 9}H${o.x(v) + 6}L${o.x(v)} ${o.top}Z` }), "title", {}, `${one.name} is beyond measure`);
    const last = whole[whole.length - 1];
    const numbered = one.shape === "dots" && one.texts.some(Boolean);
    const label = [several && !numbered && one === furthest(lane, one.name) ? one.name : "", one.name === main && groups <= MOST_GROUPS ? one.group : ""].filter(Boolean).join(", ");
    if (label && last) labels.push({ x: Math.min(last[0] + 7, o.right + 5), y: last[1] + 4, t: label, c: one.chosen ? "t acc b halo" : "t in b halo" });
  }
  for (const limit of lane.limits) {
    hurdle(s, limit, lane, { ...o, y });
    if (limit.x === null && !o.narrow) labels.push({ x: o.right + 5, y: y(limit.at) + 4, t: spaced(limit.text), c: "t lim b halo" });
  }
  if (lane.y.label) el(s, "text", { class: "t halo", x: o.left + 6, y: o.top - 5 }, spaced(lane.y.label));
  for (const label of o.narrow ? [] : apart(labels)) el(s, "text", { class: label.c, x: label.x, y: label.y }, label.t.length > LONGEST ? `${label.t.slice(0, LONGEST - 1)}…` : label.t);
  if (o.narrow && labels.length > 1) el(s, "text", { class: "t", x: o.right, y: o.top - 5, "text-anchor": "end" }, [...new Set(labels.map((label) => label.t))].slice(0, 3).join(" · "));
};

/** A path with gaps. @param {[number, number][]} points */
const pieces = (points) => {
  /** @type {[number, number][][]} */
  const found = [[]];
  for (const point of points) {
    if (Number.isFinite(point[1])) found[found.length - 1].push(point);
    else found.push([]);
  }
  return found.map(path).join("");
};

/** @param {Element} s @param {Series} one @param {import("./draw.js").Scale} x @param {import("./draw.js").Scale} y @param {(v: number | null) => boolean} there */
const band = (s, one, x, y, there) => {
  const kept = one.x.map((_, i) => i).filter((i) => there(one.low[i]) && there(one.high[i]));
  if (kept.length < 2) return;
  const upper = kept.map((i) => `${x(one.x[i]).toFixed(1)} ${y(Number(one.high[i])).toFixed(1)}`);
  const lower = [...kept].reverse().map((i) => `${x(one.x[i]).toFixed(1)} ${y(Number(one.low[i])).toFixed(1)}`);
  el(s, "path", { class: `area ${one.chosen ? "acc" : "ink"}`, d: `M${[...upper, ...lower].join("L")}Z` });
};

/**
 * A limit along the lane, or what the curve has to pass under at one place.
 * @param {Element} s @param {Limit} limit @param {Lane} lane
 * @param {{ x: import("./draw.js").Scale, y: import("./draw.js").Scale, left: number, right: number, top: number, narrow: boolean }} o
 */
const hurdle = (s, limit, lane, o) => {
  const at = Math.round(o.y(limit.at)) + 0.5;
  if (limit.x === null) {
    el(s, "line", { class: "lim", x1: o.left, x2: o.right, y1: at, y2: at });
    if (o.narrow) el(s, "text", { class: "t lim b halo", x: o.left + 5, y: at - 5 }, spaced(limit.text));
    return;
  }
  const px = o.x(limit.x);
  const broken = limit.outcome === "fail";
  const near = px - 15 < o.left + 10;
  el(s, "path", { class: "lim", "stroke-width": 2, d: `M${px - 15} ${at}H${px + 15}M${px} ${at}V${at - 7}` });
  el(s, "text", { class: "t lim b halo", x: near ? o.left + 3 : px, y: broken ? at + 14 : at - 11, "text-anchor": near ? "start" : "middle" }, `≤ ${spaced(limit.text)}`);
  if (broken && placed(lane.y)(limit.value)) mark(s, "fail", px, o.y(Number(limit.value)), 4.5);
};
