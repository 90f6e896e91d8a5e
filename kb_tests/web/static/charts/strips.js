// All servers side by side, a mark for each; those far off are named.
import { number, spaced, time } from "../lib/words.js";
import { el, frame, lin, mark, nice, xAxis } from "./draw.js";

/**
 * @typedef {{ label: string, form: string, values: (number | null)[], texts: string[], far: number[], limit: number | null }} Row
 * @typedef {{ kind: "strips", name: string, title: string, says: string, names: string[], groups: string[], rows: Row[], table: { columns: string[], rows: string[][] } }} Description
 */

const ROW = 58;
const NAMED = 3;

/** What tells a server from the others of its run. @param {string} name */
const own = (name) => name.replace(/^kb-[0-9a-f]{8}-/, "");

/** @param {HTMLElement} host @param {Description} d */
export const strips = (host, d) => {
  const H = ROW * d.rows.length + 4;
  const [s, W] = frame(host, H, `${d.title}: ${spaced(d.says)}`);
  const left = 62;
  const right = W - 30;
  d.rows.forEach((row, i) => {
    const base = i * ROW + 34;
    const finite = /** @type {number[]} */ (row.values.filter((v) => v !== null && Number.isFinite(v)));
    const most = Math.max(0, ...finite, row.limit ?? 0) * 1.1 || 1;
    const x = lin(0, most, left, right);
    el(s, "text", { class: "t in b", x: 0, y: base + 4 }, row.label);
    el(s, "line", { class: "ax", x1: left, x2: right, y1: base + 0.5, y2: base + 0.5 });
    xAxis(s, x, nice(most, W < 420 ? 3 : 6).filter((v) => v <= most), base, (v) => (v === 0 ? "0" : row.form === "time" ? time(v) : number(v)));
    const far = new Set(row.far);
    const places = new Set(row.values.map((v, k) => (v === null || far.has(k) ? Number.NaN : Math.round(x(v)))));
    for (const place of places) if (Number.isFinite(place)) el(s, "line", { class: "l thin ink", x1: place, x2: place, y1: base - 8, y2: base + 0.5 });
    if (row.limit !== null) el(s, "line", { class: "lim", x1: x(row.limit), x2: x(row.limit), y1: base - 16, y2: base });
    row.far.slice(0, NAMED).forEach((k, n) => {
      const value = row.values[k];
      const px = value === null ? right : x(value);
      mark(s, "fail", px, base - 4, 4);
      const end = px > (left + right) / 2;
      el(s, "text", { class: "t lim b halo", x: px + (end ? 4 : -4), y: base - 13 - n * 12, "text-anchor": end ? "end" : "start" }, `${own(d.names[k])} ${spaced(row.texts[k])}`);
    });
  });
};
