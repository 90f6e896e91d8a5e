// Where we are: everything that a page shows is in its address, so that it can be sent to somebody.
import { signal } from "../vendor/preact.js";

export const place = signal({ path: location.pathname, query: new URLSearchParams(location.search) });

const read = () => {
  place.value = { path: location.pathname, query: new URLSearchParams(location.search) };
};

/** @param {string} to @param {{ replace?: boolean, stay?: boolean }} [how] */
export const go = (to, { replace = false, stay = false } = {}) => {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  read();
  if (!stay) {
    scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }
};

/** Changes parameters of the address; "" takes one away. @param {Record<string, string>} changes */
export const ask = (changes) => {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  const text = query.toString();
  go(place.value.path + (text ? `?${text}` : ""), { replace: true, stay: true });
};

addEventListener("popstate", read);
addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href, location.href);
  if (to.origin !== location.origin || link.target || link.download || to.pathname.startsWith("/static/")) return;
  if (to.hash && to.pathname === location.pathname) return;
  event.preventDefault();
  go(to.pathname + to.search);
});
