// A field that is taken when it is left: what is typed meanwhile stays, however often its page is drawn anew.
import { html, useState } from "../vendor/preact.js";

/** @param {{ value: string, take: (text: string) => void, [name: string]: any }} props of an input, and what is done with its text */
export const Typed = ({ value, take, ...rest }) => {
  const [draft, set] = useState(/** @type {string | null} */ (null));
  return html`<input ...${rest} value=${draft ?? value} onInput=${(/** @type {any} */ event) => set(event.target.value)} onChange=${(/** @type {any} */ event) => take(event.target.value)} onBlur=${() => set(null)} />`;
};
