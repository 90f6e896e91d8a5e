// Where we are: everything that a page shows is in its address, so that it can be sent to somebody.
import { signal } from "../vendor/preact.js";

export const place = signal({ path: location.pathname, query: new URLSearchParams(location.search) });

/**
 * @typedef {[address: string, title: string, show: any, icon?: string, name?: string]} Page
 * @type {{ pattern: RegExp, title: string, show: any, address: string, icon: string, name: string }[]}
 */
const pages = [];

/** Makes pages known, once, in the order of the rail; parts of an address stand in braces. @param {Page[]} found */
export const register = (found) => {
  for (const [address, title, show, icon = "", name = ""] of found) {
    const pattern = new RegExp(`^${address.replace(/{(\w+)}/g, "(?<$1>[^/]+)")}$`);
    pages.push({ pattern, title, show, address, icon, name });
  }
};

/** The pages that stand in the rail. */
export const rail = () => pages.filter((page) => page.icon);

/** The page at a path, and the parts of its address; null where there is none. @param {string} path */
export const meant = (path) => {
  for (const page of pages) {
    const groups = page.pattern.exec(path)?.groups;
    if (groups || page.address === path) return { ...page, parts: Object.fromEntries(Object.entries(groups ?? {}).map(([name, text]) => [name, readable(text)])) };
  }
  return null;
};

/** @param {string} text */
const readable = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that begins no escape
  }
};

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

/** Changes parameters of the address; "" and [] take one away. @param {Record<string, string | string[]>} changes */
export const ask = (changes) => {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of [value].flat()) if (one) query.append(name, one);
  }
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
