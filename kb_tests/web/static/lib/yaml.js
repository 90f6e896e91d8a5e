// Changes one key of a scenario's text, and leaves all else as it was written, comments too.

/** @typedef {Record<string, number>} Lines the line of each key, from 1 on, as POST /checks tells it */

const PLAIN = /^[\w./+][\w ./+%()-]*$|^-[\w./+%(][\w ./+%()-]*$/;

/** A number as people write it, which is one in YAML, too. */
export const DECIMAL = /^-?(?:0|[1-9]\d*|(?=\.\d))(?:\.\d+)?$/;

/** What YAML 1.1 takes for something else than a text: yes and no, nothing, numbers of other bases, dates. */
const RESOLVED = /^(?:yes|no|on|off|true|false|null)$|^[-+]?(?:\.inf|\.nan)$|^[-+.]?\d[\d_.]*(?:e[-+]?\d+)?$|^[-+]?0[xbo][\da-f_]+$|^\d{4}-\d\d?-\d\d?/i;

/** A text as a YAML scalar that is read as that text, or as the number that it writes. @param {string} text */
export const scalar = (text) => (PLAIN.test(text) && text === text.trim() && (DECIMAL.test(text) || !RESOLVED.test(text)) ? text : JSON.stringify(text));

/** @param {string} text with a comma between items */
export const items = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

/** @param {string} text with a comma between items */
export const list = (text) => `[${items(text).map(scalar).join(", ")}]`;

/** The comments of a text, those behind something among them. @param {string} text */
const comments = (text) =>
  text.split("\n").flatMap((line) => {
    let quote = "";
    for (let i = 0; i < line.length; i++) {
      const c = line[i];
      if (quote) {
        if (c === "\\" && quote === '"') i++;
        else if (c === quote) quote = "";
      } else if ((c === '"' || c === "'") && /(^|[:,[{\s-])$/.test(line.slice(0, i).trimEnd().slice(-1))) quote = c;
      else if (c === "#" && (i === 0 || /\s/.test(line[i - 1]))) return [line.slice(i).trim()];
    }
    return [];
  });

/** Whether every comment of a text is still there after a change. @param {string} before @param {string} after */
export const keepsComments = (before, after) => {
  const left = comments(after);
  return comments(before).every((one) => {
    const place = left.indexOf(one);
    if (place >= 0) left.splice(place, 1);
    return place >= 0;
  });
};

/** Where the value that begins at `from` ends: before a comma or bracket that is not its own, a comment, or the end. @param {string} line @param {number} from */
const endOf = (line, from) => {
  let depth = 0;
  let quote = "";
  for (let i = from; i < line.length; i++) {
    const c = line[i];
    if (quote) {
      if (c === "\\" && quote === '"') i++;
      else if (c === quote) quote = "";
    } else if ((c === '"' || c === "'") && !line.slice(from, i).trim()) quote = c;
    else if ("[{".includes(c)) depth++;
    else if ("]}".includes(c) && --depth < 0) return i;
    else if (c === "," && depth === 0 && flows(line, from)) return i;
    else if (c === "#" && /\s/.test(line[i - 1] ?? " ")) return i;
  }
  return line.length;
};

/** Whether a place is within brackets. @param {string} line @param {number} at */
const flows = (line, at) => [...line.slice(0, at)].reduce((depth, c) => depth + ("[{".includes(c) ? 1 : "]}".includes(c) ? -1 : 0), 0) > 0;

/** Where the value of `key` begins in a line, and where the key does; null if it is not there. @param {string} line @param {string} key */
const keyIn = (line, key) => {
  const found = new RegExp(`(^|[\\s{,-])(["']?)${key.replace(/[.*+?^$()|[\]\\]/g, "\\$&")}\\2:(?=\\s|$)`).exec(line);
  return found ? { key: found.index + found[1].length, value: found.index + found[0].length } : null;
};

const indent = (/** @type {string} */ line) => /^ */.exec(line)?.[0].length ?? 0;

/** The line behind all that belongs to the one at `at`. @param {string[]} rows @param {number} at */
export const blockEnd = (rows, at) => {
  let end = at + 1;
  while (end < rows.length && (!rows[end].trim() || indent(rows[end]) > indent(rows[at]))) end++;
  while (end > at + 1 && !rows[end - 1].trim()) end--;
  return end;
};

/** @param {string[]} path */
const dotted = (path) => path.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join("").replace(/^\./, "");

/**
 * The text with `path` set to `value`, which is YAML of one line; "" takes the key away.
 * @param {string} text @param {Lines} lines @param {string[]} path @param {string} value @returns {string}
 */
export const change = (text, lines, path, value) => {
  const rows = text.split("\n");
  const key = path[path.length - 1];
  const at = lines[dotted(path)];
  const place = at ? keyIn(rows[at - 1] ?? "", key) : null;
  if (place) {
    const line = rows[at - 1];
    const end = endOf(line, place.value);
    const block = !line.slice(place.value, end).trim() ? blockEnd(rows, at - 1) - at : 0;
    if (value) {
      const tail = line.slice(end);
      rows[at - 1] = `${line.slice(0, place.value)} ${value}${tail.startsWith("#") ? "  " : ""}${tail}`;
      rows.splice(at, block);
    } else if (flows(line, place.key)) {
      const before = line.slice(0, place.key);
      const after = line.slice(end);
      rows[at - 1] = after.startsWith(",") ? before + after.replace(/^,\s*/, "") : before.replace(/,?\s*$/, "") + after;
    } else rows.splice(at - 1, 1 + block);
    return rows.join("\n");
  }
  if (!value) return text;
  const parent = path.slice(0, -1);
  if (!parent.length) return `${text.replace(/\n*$/, "")}\n${key}: ${value}\n`;
  const above = lines[dotted(parent)];
  const name = keyIn(rows[(above ?? 0) - 1] ?? "", parent[parent.length - 1]);
  if (!above || !name) return change(text, lines, parent, `{${key}: ${value}}`);
  const line = rows[above - 1];
  const end = endOf(line, name.value);
  const written = line.slice(name.value, end).trim();
  if (written.startsWith("{")) {
    const close = line.lastIndexOf("}", end - 1);
    rows[above - 1] = `${line.slice(0, close)}${written === "{}" ? "" : ", "}${key}: ${value}${line.slice(close)}`;
  } else if (written) return text;
  else {
    const child = rows[above] && indent(rows[above]) > indent(line) ? indent(rows[above]) : indent(line) + 2;
    rows.splice(blockEnd(rows, above - 1), 0, `${" ".repeat(child)}${key}: ${value}`);
  }
  return rows.join("\n");
};

/**
 * The text with the item `from` of a list before the item `to`; a `to` below 0 takes it away.
 * @param {string} text @param {Lines} lines @param {string} of the list's key @param {number} from @param {number} to
 */
export const move = (text, lines, of, from, to) => {
  const rows = text.split("\n");
  const starts = [];
  for (let i = 0; lines[`${of}[${i}]`]; i++) starts.push(lines[`${of}[${i}]`] - 1);
  if (!starts.length || !/^\s*-/.test(rows[starts[0]])) return text;
  const items = starts.map((start) => rows.slice(start, blockEnd(rows, start)));
  const end = blockEnd(rows, starts[starts.length - 1]);
  const [item] = items.splice(from, 1);
  if (to >= 0) items.splice(to, 0, item);
  return [...rows.slice(0, starts[0]), ...items.flat(), ...rows.slice(end)].join("\n");
};

/** The text with one more item at the end of a list. @param {string} text @param {Lines} lines @param {string} of @param {string} item */
export const append = (text, lines, of, item) => {
  const rows = text.split("\n");
  let last = 0;
  for (let i = 0; lines[`${of}[${i}]`]; i++) last = lines[`${of}[${i}]`] - 1;
  if (!/^\s*-/.test(rows[last] ?? "")) return text;
  rows.splice(blockEnd(rows, last), 0, `${" ".repeat(indent(rows[last]))}- ${item}`);
  return rows.join("\n");
};
