// Keys for those who know them; none does anything that cannot be taken back, and they can be turned off in About.
import { go } from "./route.js";

const OFF = "kb-no-keys";
const PLACES = /** @type {Record<string, string>} */ ({ o: "/", r: "/runs", s: "/scenarios", c: "/clouds", n: "/new" });

/** What they do, for people. @type {[string, string][]} */
export const KEYS = [
  ["g o, g r, g s, g c, g n", "go to overview, runs, scenarios, clouds, a new run"],
  ["/", "find among runs"],
  ["j, k, Enter", "row down, up, open"],
  ["[, ]", "point before, after"],
  ["← →, with Shift", "read one second, ten"],
  ["t", "pictures as tables and back"],
  ["m", "note a marker"],
  ["Shift S", "ask how to stop"],
  ["?", "this list"],
];

export const keysAreOn = () => localStorage.getItem(OFF) === null;

/** @param {boolean} on */
export const turnKeys = (on) => (on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"));

/** @param {string} selector */
const press = (selector) => /** @type {HTMLElement | null} */ (document.querySelector(selector))?.click();

/** @param {number} by */
const row = (by) => {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main tr.go th a:first-of-type, main .ladder li a")]);
  if (!links.length) return;
  const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
};

const DOING = /** @type {Record<string, () => void>} */ ({
  "/": () => /** @type {HTMLElement | null} */ (document.querySelector("input[type=search]"))?.focus(),
  j: () => row(1),
  k: () => row(-1),
  "[": () => press("a[rel=prev]"),
  "]": () => press("a[rel=next]"),
  t: () => { for (const one of document.querySelectorAll("button.astable")) /** @type {HTMLElement} */ (one).click(); },
  m: () => /** @type {HTMLElement | null} */ (document.getElementById("marker"))?.focus(),
  S: () => press("main [data-stop], [data-stop]"),
  "?": () => go("/about"),
});

export const listen = () => {
  let going = 0;
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!keysAreOn() || event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog[open]") || document.querySelector("dialog[open]")) return;
    const now = performance.now();
    const place = now - going < 1000 ? PLACES[event.key] : undefined;
    going = event.key === "g" ? now : 0;
    if (place) go(place);
    else if (DOING[event.key]) DOING[event.key]();
    else return;
    event.preventDefault();
  });
};
