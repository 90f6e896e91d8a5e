// How figures read: three digits, the unit behind a space that does not break.
const NB = "\u00a0";

/** @param {number} value @param {number} [digits] */
export const sig = (value, digits = 3) => {
  const short = Number(value.toPrecision(digits));
  return Math.abs(short) >= 100 ? Math.round(short).toLocaleString("en-US") : String(short);
};

/** A time. @param {number | null | undefined} seconds @param {number} [digits] */
export const time = (seconds, digits = 3) => {
  if (seconds === Infinity) return "∞";
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds >= 1) return `${sig(seconds, digits)}${NB}s`;
  return seconds >= 1e-3 ? `${sig(seconds * 1e3, digits)}${NB}ms` : `${sig(seconds * 1e6, digits)}${NB}µs`;
};

/** The number of a time, and its unit, which stands smaller beside it. @param {number | null | undefined} seconds @param {number} [digits] @returns {[string, string]} */
export const parted = (seconds, digits) => {
  const [value, unit = ""] = time(seconds, digits).split(NB);
  return [value, unit];
};

/** From the least to the most, once where both read the same. @param {number[]} values @param {(value: number) => string} told */
export const span = (values, told) => [...new Set([Math.min(...values), Math.max(...values)].map(told))].join(" to ");

/** The first of a list, and how many more there are. @param {string[]} all @param {number} [most] */
export const listed = (all, most = 20) => `${all.slice(0, most).join("; ")}${all.length > most ? `; and ${(all.length - most).toLocaleString("en-US")} more` : ""}`;

/** A count or a rate. @param {number | null | undefined} value */
export const number = (value) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : sig(value);
};

/** A share. @param {number | null | undefined} part */
export const share = (part) => {
  if (part === null || part === undefined || !Number.isFinite(part)) return "–";
  const text = sig(part * 100, 4);
  return `${text === "100" && part < 1 ? "99.99" : text}${NB}%`;
};

/** How long something took. @param {number} seconds */
export const took = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}${NB}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}${NB}min ${whole % 60}${NB}s`;
  return `${Math.floor(minutes / 60)}${NB}h ${minutes % 60}${NB}min`;
};

/** As a clock runs: 1:05. @param {number} seconds */
export const clock = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** When, as people say it. @param {string | number | null} at RFC 3339, or Unix seconds */
export const when = (at) => {
  if (at === null) return "–";
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  const hour = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return `today ${hour}`;
  if (days === 1) return `yesterday ${hour}`;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })} ${hour}`;
};

/** The same in UTC, for a title. @param {string | number | null} at */
export const utc = (at) =>
  at === null ? "" : `${new Date(typeof at === "number" ? at * 1000 : at).toISOString().replace("T", " ").slice(0, 19)} UTC`;

/** "1 point", "3 points". @param {number} count @param {string} thing */
export const many = (count, thing) => `${count.toLocaleString("en-US")} ${thing}${count === 1 ? "" : "s"}`;

/** The server's words as these pages write units: "50 ms" of "50ms"; names, as "run-50ms", stay. @param {string} text */
export const spaced = (text) => text.replace(/<=/g, "≤").replace(/>=/g, "≥").replace(/(?<![A-Za-z_-][\d.,]*)(\d)((?:us|µs|ns|ms|s|min|h|%)(?![\w/])|[KMGT]iB(?!\w))/g, (_, digit, unit) => `${digit}${NB}${unit === "us" ? "µs" : unit}`);

/** Of why a point is no pass, what its search does not say itself. @param {string[]} findings @param {string[]} told by the search */
export const besides = (findings, told) => {
  const bare = (/** @type {string} */ text) => text.trim().replace(/\.$/, "");
  const known = [told.join(" "), ...told].map(bare);
  return findings.filter((one) => !known.includes(bare(one)));
};
