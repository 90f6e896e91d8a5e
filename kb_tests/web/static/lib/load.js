// What a page asks the server for, and what is shown until it comes: nothing at first, then its shape.
import { html, useEffect, useState } from "../vendor/preact.js";
import { get } from "./api.js";

/**
 * @template T
 * @param {string} path
 * @param {number} [every] seconds after which it is asked for again, while the page is looked at
 * @returns {{ data: T | null, error: import("./api.js").Refused | null, again: () => void }}
 */
export const useData = (path, every = 0) => {
  const [found, set] = useState(/** @type {{ path: string, data: T | null, error: any }} */ ({ path, data: null, error: null }));
  const [round, next] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let refused = false; // a token that is not of this `kb ui` becomes none by being sent again and again
    const read = () =>
      get(path, stop.signal).then(
        (data) => {
          refused = false;
          set({ path, data, error: null });
        },
        (error) => {
          if (stop.signal.aborted) return;
          refused = error.status === 401;
          set((before) => ({ path, data: before.path === path ? before.data : null, error }));
        },
      );
    const other = () => refused && read(); // another tab was opened with a new one
    read();
    addEventListener("storage", other);
    const timer = every ? setInterval(() => document.hidden || refused || read(), every * 1000) : 0;
    return () => {
      stop.abort();
      removeEventListener("storage", other);
      clearInterval(timer);
    };
  }, [path, round]);
  return { data: found.path === path ? found.data : null, error: found.error, again: () => next(round + 1) };
};

/** What stands between backticks, as what is typed. @param {string} text */
export const coded = (text) => text.split("`").map((part, i) => (i % 2 ? html`<code>${part}</code>` : part));

/** What an API's user is told to ask for is no help to who looks at a page. @param {string} remedy */
const forPeople = (remedy) => (/^(GET|POST) \//.test(remedy) ? "" : remedy);

/** @param {{ error: any, again?: () => void }} props */
export const Could = ({ error, again }) => html`
  <div class="alert fail" role="alert"><svg class="i" aria-hidden="true"><use href="#fail" /></svg>
    <p><b>${coded(error.message)}</b> ${coded(forPeople(error.remedy ?? ""))}</p>
    ${again && html`<button class="btn small" onClick=${again}>Ask again</button>`}
  </div>`;

/** Shown after a while, in the shape of what comes. */
export const Reading = () => {
  const [late, set] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => set(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return html`<div aria-busy="true">${late && html`<span class="skel w90"></span><span class="skel w60"></span><span class="skel w75"></span><span class="skel block"></span>`}</div>`;
};
