// Starts exactly what was shown: the scenarios by their digests, and how many servers they take.
import { get, post } from "../lib/api.js";
import { go } from "../lib/route.js";
import { html, useState } from "../vendor/preact.js";
import { Could } from "../lib/load.js";

/** @param {string[]} names @returns {Promise<any[]>} */
export const shown = (names) => Promise.all(names.map((name) => get(`/scenarios/${encodeURIComponent(name)}`)));

/** @param {{ scenarios: string[], cloud: string, text: string, known?: any[] }} props */
export const Start = ({ scenarios, cloud, text, known }) => {
  const [busy, set] = useState(false);
  const [error, fail] = useState(/** @type {any} */ (null));
  const start = async () => {
    set(true);
    fail(null);
    try {
      const seen = known ?? (await shown(scenarios));
      const body = { cloud, scenarios: Object.fromEntries(seen.map((one) => [one.row.name, one.digest])), servers: Math.max(...seen.map((one) => one.row.servers)) };
      go(`/sessions/${(await post("/sessions", body, { "idempotency-key": crypto.randomUUID() })).sid}`);
    } catch (problem) {
      fail(problem);
      set(false);
    }
  };
  return html`<button class="btn primary" disabled=${busy || !scenarios.length} onClick=${start}>${busy ? "Starting" : text}</button>${error && html`<${Could} error=${error} />`}`;
};
