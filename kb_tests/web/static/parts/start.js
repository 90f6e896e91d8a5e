// Starts exactly what was shown: a plan, by its digest. Asked twice it starts once.
import { post } from "../lib/api.js";
import { Could } from "../lib/load.js";
import { go } from "../lib/route.js";
import { html, useState } from "../vendor/preact.js";

/**
 * @param {{ asked: any, digest?: string, text: string, disabled?: boolean }} props
 * `digest` is that of the plan that was shown; without it, of one that is made now
 */
export const Start = ({ asked, digest, text, disabled = false }) => {
  const [busy, set] = useState(false);
  const [error, fail] = useState(/** @type {any} */ (null));
  const start = async () => {
    set(true);
    fail(null);
    try {
      const seen = digest ?? (await post("/plans", asked)).digest;
      go(`/sessions/${(await post("/sessions", { ...asked, digest: seen }, { "idempotency-key": crypto.randomUUID() })).sid}`);
    } catch (problem) {
      fail(problem);
      set(false);
    }
  };
  return html`<button class="btn primary" disabled=${busy || disabled} onClick=${start}>${busy ? "Starting" : text}</button>${error && html`<${Could} error=${error} />`}`;
};
