// What a change of a text has to come to: exactly what was meant, as the server's reader of YAML reads it.
import { DECIMAL } from "./yaml.js";

/** @param {any} value */
export const isMapping = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Where a path leads; undefined where it leads nowhere. @param {any} data @param {string[]} path */
export const at = (data, path) => path.reduce((found, key) => (typeof found === "object" && found !== null && Object.hasOwn(found, key) ? found[key] : undefined), data);

/** Whether a path leads through mappings alone, those that are not there yet among them. @param {any} data @param {string[]} path */
export const leads = (data, path) => path.slice(0, -1).every((_, i) => { const above = at(data, path.slice(0, i + 1)); return above === undefined || above === null || typeof above === "object"; }) && !path.some((key, i) => !/^\d+$/.test(key) && Array.isArray(at(data, path.slice(0, i))));

/** Whether something has a text that stands in one field; an item with a comma would be two there. @param {any} value */
export const isPlain = (value) => value === undefined || value === null || (Array.isArray(value) ? value.every((one) => typeof one !== "object" && !String(one).includes(",")) : typeof value !== "object");

/** What stands in a field. @param {any} value */
export const shown = (value) => (value === undefined || value === null || !isPlain(value) ? "" : Array.isArray(value) ? value.join(", ") : String(value));

/** One text for what is alike; a key without a value, or with no keys below it, is as none. @param {any} value @returns {string} */
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isMapping(value)) return JSON.stringify(value ?? null);
  const parts = Object.keys(value).sort().map((key) => [key, canonical(value[key])]).filter(([, text]) => text !== "null" && text !== "{}");
  return `{${parts.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
};

/** @param {any} one @param {any} other */
export const alike = (one, other) => canonical(one) === canonical(other);

/** The same with something else at a path, as far as that leads; undefined takes it away. @param {any} data @param {string[]} path @param {any} value @returns {any} */
export const put = (data, path, value) => {
  if (!path.length) return value;
  const [key, ...below] = path;
  if (Array.isArray(data)) return data.map((one, i) => (String(i) === key ? put(one, below, value) : one));
  if (data !== undefined && data !== null && !isMapping(data)) return data;
  return { ...data, [key]: put(at(data, [key]), below, value) };
};

/** A list with one item elsewhere; `to` below 0 takes it away. @param {any[]} list @param {number} from @param {number} to */
export const moved = (list, from, to) => {
  const rest = list.filter((_, i) => i !== from);
  return to < 0 ? rest : [...rest.slice(0, to), list[from], ...rest.slice(to)];
};

/** Whether a value is what was typed: that text, or the number that it writes. @param {any} now @param {string} typed */
const is = (now, typed) => String(now) === typed || (typeof now === "number" && DECIMAL.test(typed) && Number(typed) === now);

/**
 * Whether a text says after a change what it said before, but for what stands at `path`: that is there now, or gone
 * where it was to be taken away. @param {any} before @param {any} after @param {string[]} path @param {string | string[]} value as it was typed, "" to take it away; of a list its items
 */
export const meant = (before, after, path, value) => {
  const now = at(after, path);
  if (!alike(put(before, path, undefined), put(after, path, undefined))) return false;
  if (!value) return now === undefined || now === null;
  if (Array.isArray(value)) return Array.isArray(now) && now.length === value.length && value.every((one, i) => now[i] !== null && is(now[i], one));
  return now !== undefined && now !== null && typeof now !== "object" && is(now, value);
};
