// Paths of a value for each second: a step that is the same as before is not written anew.

/** @typedef {import("./draw.js").Scale} Scale */
/** @typedef {{ x: Scale, y: Scale, width: number, base?: number, write: (x: number, y: number, width: number, base: number, joined: boolean) => string }} Way */

/** A step of a line, joined to that before it. @type {Way["write"]} */
export const step = (x, y, width, _base, joined) => `${joined ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}H${(x + width).toFixed(1)}`;

/** What lies under a step. @type {Way["write"]} */
export const under = (x, y, width, base) => `M${x.toFixed(1)} ${base}V${y.toFixed(1)}H${(x + Math.max(1, width)).toFixed(1)}V${base}Z`;

/** A bar for itself. @type {Way["write"]} */
export const bar = (x, y, width, base) => `M${(x + 0.5).toFixed(1)} ${base}V${y.toFixed(1)}h${Math.max(1.5, width - 1).toFixed(1)}V${base}Z`;

/** @typedef {{ scales: string, parts: Map<number, { value: number, joined: boolean, text: string }> }} Written */
/** @type {WeakMap<HTMLElement, Map<string, Written>>} */
const written = new WeakMap();

/**
 * Writes the paths of one place: of the value at each time, with a gap where there is none.
 * @param {HTMLElement} host
 */
export const traces = (host) => {
  const known = written.get(host) ?? new Map();
  written.set(host, known);
  /** @param {string} name @param {number[]} at @param {(number | null)[]} values @param {Way} way */
  return (name, at, values, way) => {
    const { x, y, width, base = 0, write } = way;
    const scales = [x(0), x(1), y(1), y(2), width, base].join();
    const before = known.get(name);
    const old = before?.scales === scales ? before.parts : new Map();
    const parts = new Map();
    const texts = [];
    let joined = false;
    for (let i = 0; i < at.length; i++) {
      const value = values[i];
      if (value === null || value === undefined || !Number.isFinite(value)) {
        joined = false;
        continue;
      }
      let part = old.get(at[i]);
      if (part?.value !== value || part.joined !== joined) part = { value, joined, text: write(x(at[i]), y(value), width, base, joined) };
      parts.set(at[i], part);
      texts.push(part.text);
      joined = true;
    }
    known.set(name, { scales, parts });
    return texts.join("");
  };
};
