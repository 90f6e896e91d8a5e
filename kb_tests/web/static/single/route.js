// In a file of its own a page's address is what stands behind "#", which any browser keeps in a file's address.
import { signal } from "../vendor/preact.js";

const here = () => {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: new URLSearchParams(query) };
};

export const place = signal(here());

/** @param {string} to @param {{ replace?: boolean }} [how] */
export const go = (to, { replace = false } = {}) => {
  if (replace) history.replaceState(null, "", `#${to}`);
  else location.hash = to;
  place.value = here();
};

/** @param {Record<string, string>} changes */
export const ask = (changes) => {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  const text = query.toString();
  go(place.value.path + (text ? `?${text}` : ""), { replace: true });
};

addEventListener("hashchange", () => {
  if (location.hash.startsWith("#/") || !location.hash) {
    place.value = here();
    scrollTo(0, 0);
  }
});
