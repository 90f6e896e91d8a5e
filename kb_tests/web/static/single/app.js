// A run in a file of its own: with scripts its pages, without them what stands in the markup.
import { Capacity } from "../pages/capacity.js";
import { Point } from "../pages/point.js";
import { Run } from "../pages/run.js";
import { html, render } from "../vendor/preact.js";
import { unpack } from "./api.js";
import { place } from "./route.js";

/** Links of the pages are paths; in a file they stand behind "#". @param {Element} root */
const rewrite = (root) => {
  for (const link of root.querySelectorAll('a[href^="/"]')) link.setAttribute("href", `#${link.getAttribute("href")}`);
};

/** Pages of a point. @type {Record<string, any>} */
const PAGES = { points: Point, capacity: Capacity };

/** @param {{ run: any }} props */
const Page = ({ run }) => {
  const found = /^\/runs\/[^/]+\/(points|capacity)\/([^/]+)$/.exec(place.value.path);
  const point = found ? decodeURIComponent(found[2]) : "";
  document.title = [point, run.title].filter(Boolean).join(" · ");
  return found ? html`<${PAGES[found[1]]} key=${place.value.path} run=${run.run} point=${point} />` : html`<${Run} key=${run.run} run=${run.run} />`;
};

const start = async () => {
  const run = await unpack();
  const app = /** @type {HTMLElement} */ (document.getElementById("app"));
  /** @type {HTMLStyleElement} */ (document.getElementById("style-of-report")).media = "not all";
  /** @type {HTMLStyleElement} */ (document.getElementById("style-of-pages")).media = "all";
  /** @type {HTMLElement} */ (document.getElementById("report")).remove();
  new MutationObserver(() => rewrite(app)).observe(app, { childList: true, subtree: true, attributes: true, attributeFilter: ["href"] });
  render(html`<${Page} run=${run} />`, app);
};

start();
