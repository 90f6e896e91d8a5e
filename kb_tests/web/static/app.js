// The page: what its address says is what it shows.
import { takeToken } from "./lib/api.js";
import { listen } from "./lib/keys.js";
import { lazy } from "./lib/lazy.js";
import { meant, place, register } from "./lib/route.js";
import { Nowhere } from "./pages/nowhere.js";
import { Overview } from "./pages/overview.js";
import { html, render } from "./vendor/preact.js";

/** A page: its address, its title, what shows it, and its icon and name in the rail. @type {import("./lib/route.js").Page[]} */
const PAGES = [
  ["/", "Overview", Overview, "overview", "Overview"],
  ["/runs", "Runs", lazy(() => import("./pages/runs.js"), "Runs"), "runs", "Runs"],
  ["/runs/{run}", "Run", lazy(() => import("./pages/run.js"), "Run")],
  ["/runs/{run}/points/{point}", "Point", lazy(() => import("./pages/point.js"), "Point")],
  ["/runs/{run}/capacity/{point}", "Capacity", lazy(() => import("./pages/capacity.js"), "Capacity")],
  ["/sessions/{sid}", "Session", lazy(() => import("./pages/live.js"), "Session")],
  ["/scenarios", "Scenarios", lazy(() => import("./pages/scenarios.js"), "Scenarios"), "scenarios", "Scenarios"],
  ["/scenarios/{name}", "Scenario", lazy(() => import("./pages/scenario.js"), "Scenario")],
  ["/write", "New scenario", lazy(() => import("./pages/scenario.js"), "Write")],
  ["/clouds", "Clouds", lazy(() => import("./pages/clouds.js"), "Clouds"), "clouds", "Clouds"],
  ["/clouds/{cloud}", "Cloud", lazy(() => import("./pages/clouds.js"), "Cloud")],
  ["/compare", "Compare", lazy(() => import("./pages/compare.js"), "Compare"), "compare", "Compare"],
  ["/new", "New run", lazy(() => import("./pages/new.js"), "New"), "new", "New run"],
  ["/api", "API", lazy(() => import("./pages/about.js"), "Api"), "api", "API"],
  ["/about", "About", lazy(() => import("./pages/about.js"), "About")],
];

const Show = () => {
  const found = meant(place.value.path);
  if (!found) {
    document.title = "kb_tests";
    return html`<${Nowhere} />`;
  }
  document.title = [...Object.values(found.parts).reverse(), found.title, "kb_tests"].join(" · ");
  return html`<${found.show} key=${Object.values(found.parts).join(" ")} ...${found.parts} />`;
};

register(PAGES);
listen();
takeToken();
// An address with a token that is put into a page's address bar loads nothing anew by itself.
addEventListener("hashchange", () => takeToken() && location.reload());
const app = /** @type {HTMLElement} */ (document.getElementById("app"));
app.replaceChildren(); // the frame that stood there meanwhile
render(html`<${Show} />`, app);
