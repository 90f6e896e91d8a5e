// The page: what its address says is what it shows.
import { takeToken } from "./lib/api.js";
import { place } from "./lib/route.js";
import { About, Api, Nowhere } from "./pages/about.js";
import { Clouds } from "./pages/clouds.js";
import { Session } from "./pages/live.js";
import { New } from "./pages/new.js";
import { Overview } from "./pages/overview.js";
import { Point } from "./pages/point.js";
import { Run } from "./pages/run.js";
import { Runs } from "./pages/runs.js";
import { Scenario, Scenarios } from "./pages/scenarios.js";
import { html, render } from "./vendor/preact.js";

const PAGES = /** @type {[RegExp, string, (found: Record<string, string>) => any][]} */ ([
  [/^\/$/, "Overview", () => html`<${Overview} />`],
  [/^\/runs$/, "Runs", () => html`<${Runs} />`],
  [/^\/runs\/(?<run>[^/]+)$/, "Run", ({ run }) => html`<${Run} key=${run} run=${run} />`],
  [/^\/runs\/(?<run>[^/]+)\/points\/(?<point>[^/]+)$/, "Point", ({ run, point }) => html`<${Point} key=${`${run} ${point}`} run=${run} point=${point} />`],
  [/^\/sessions\/(?<sid>[^/]+)$/, "Session", ({ sid }) => html`<${Session} key=${sid} sid=${sid} />`],
  [/^\/scenarios$/, "Scenarios", () => html`<${Scenarios} />`],
  [/^\/scenarios\/(?<name>[^/]+)$/, "Scenario", ({ name }) => html`<${Scenario} key=${name} name=${name} />`],
  [/^\/clouds$/, "Clouds", () => html`<${Clouds} />`],
  [/^\/new$/, "New run", () => html`<${New} />`],
  [/^\/api$/, "API", () => html`<${Api} />`],
  [/^\/about$/, "About", () => html`<${About} />`],
]);

const Page = () => {
  const path = place.value.path;
  for (const [pattern, title, page] of PAGES) {
    const found = pattern.exec(path);
    if (!found) continue;
    const parts = Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]));
    document.title = [...Object.values(parts).reverse(), title, "kb_tests"].join(" · ");
    return page(parts);
  }
  document.title = "kb_tests";
  return html`<${Nowhere} />`;
};

takeToken();
render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
