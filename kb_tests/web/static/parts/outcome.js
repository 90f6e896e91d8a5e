// An outcome: silhouette, word, colour; never colour alone.
import { html } from "../vendor/preact.js";

const CLASSES = /** @type {Record<string, string>} */ ({
  pass: "pass", fail: "fail", inconclusive: "inconclusive", invalid: "invalid", leaked: "fail", running: "running",
  "": "to-come", interrupted: "not-run", unfinished: "not-run", not_run: "not-run", "not run": "not-run", measured: "note", note: "note",
});
const WORDS = /** @type {Record<string, string>} */ ({ "": "To come", not_run: "Not run", leaked: "Leaked" });
const MARKS = /** @type {Record<string, string>} */ ({ pass: "p", fail: "f", inconclusive: "i", invalid: "x", leaked: "f", measured: "m", running: "r", "": "." });

/** The class of an outcome or a status. @param {string} outcome */
export const tone = (outcome) => CLASSES[outcome] ?? "not-run";

/** The letter of an outcome in a strip. @param {string} outcome */
export const letter = (outcome) => MARKS[outcome] ?? "-";

/** @param {string} outcome */
export const word = (outcome) => {
  const text = WORDS[outcome] ?? outcome.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** @param {{ of: string, text?: string, big?: boolean }} props */
export const Outcome = ({ of, text, big }) => html`<span class=${`o ${tone(of)}${big ? " big" : ""}`}><${Icon} name=${tone(of)} />${text ?? word(of)}</span>`;

/** @param {{ name: string, pulse?: boolean }} props */
export const Icon = ({ name, pulse }) => html`<svg class=${`i${pulse ? " pulse" : ""}`} aria-hidden="true"><use href=${`#${name}`} /></svg>`;
