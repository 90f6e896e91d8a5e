// The page: what its address says is what it shows.
import { takeToken } from "./lib/api.js";
import { listen } from "./lib/keys.js";
import { meant, place, register } from "./lib/route.js";
import { About, Api, Nowhere } from "./pages/about.js";
import { Cloud, Clouds } from "./pages/clouds.js";
import { Compare } from "./pages/compare.js";
import { Session } from "./pages/live.js";
import { New } from "./pages/new.js";
import { Overview } from "./pages/overview.js";
import { Point } from "./pages/point.js";
import { Run } from "./pages/run.js";
import { Runs } from "./pages/runs.js";
import { Scenario, Write } from "./pages/scenario.js";
import { Scenarios } from "./pages/scenarios.js";
import { html, render } from "./vendor/preact.js";

/** A page: its address, its title, what shows it, and its icon and name in the rail. @type {import("./lib/route.js").Page[]} */
const PAGES = [
  ["/", "Overview", Overview, "overview", "Overview"],
  ["/runs", "Runs", Runs, "runs", "Runs"],
  ["/runs/{run}", "Run", Run],
  ["/runs/{run}/points/{point}", "Point", Point],
  ["/sessions/{sid}", "Session", Session],
  ["/scenarios", "Scenarios", Scenarios, "scenarios", "Scenarios"],
  ["/scenarios/{name}", "Scenario", Scenario],
  ["/write", "New scenario", Write],
  ["/clouds", "Clouds", Clouds, "clouds", "Clouds"],
  ["/clouds/{cloud}", "Cloud", Cloud],
  ["/compare", "Compare", Compare, "compare", "Compare"],
  ["/new", "New run", New, "new", "New run"],
  ["/api", "API", Api, "api", "API"],
  ["/about", "About", About],
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
render(html`<${Show} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
