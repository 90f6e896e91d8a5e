// A scenario's text with its lines numbered, and what is wrong at which.
import { html, useRef } from "../vendor/preact.js";

/** @param {{ text: string, findings: any[], write: (text: string) => void, locked: boolean, at: number }} props `at` is the line that is pointed at */
export const Yaml = ({ text, findings, write, locked, at }) => {
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const rows = text.split("\n");
  const hit = new Map(findings.map((one) => [one.line, one.level]));
  const cls = (/** @type {number} */ line) => (at === line || hit.has(line) ? `hit${hit.get(line) === "mistake" ? " bad" : ""}` : "");
  if (locked) return html`<div class="yaml" tabindex="0" role="region" aria-label="The scenario's file">${rows.map((line, i) => html`<span class=${`ln ${cls(i + 1)}`}>${i + 1}</span><span class=${`tx ${cls(i + 1)}`}>${line}</span>`)}</div>`;
  return html`<div class="yaml edit"><div class="gutter" aria-hidden="true">${rows.map((_, i) => html`<span class=${`ln ${cls(i + 1)}`}>${i + 1}</span>`)}</div>
    <textarea ref=${area} aria-label="Scenario as YAML" spellcheck=${false} wrap="off" rows=${rows.length + 1} value=${text} onInput=${(/** @type {any} */ event) => write(event.target.value)}></textarea></div>`;
};
