// The scenarios there are: those that came with the suite, files, and those that were saved from here.
import { Could, Reading, useData } from "../lib/load.js";
import { many } from "../lib/words.js";
import { Shell } from "../parts/shell.js";
import { html } from "../vendor/preact.js";

const ORIGINS = /** @type {Record<string, string>} */ ({ shipped: "", given: "file", saved: "saved" });

export const Scenarios = () => {
  const { data, error, again } = useData("/scenarios");
  const version = useData("/version").data;
  const may = version?.starts && version.role === "operator";
  const bad = (data?.scenarios ?? []).filter((/** @type {any} */ one) => one.fault).length;
  return html`<${Shell} at="scenarios" crumbs=${html`<b>Scenarios</b>`}>
    <div class="page-head"><div><h1>${data ? `${many(data.scenarios.length - bad, "scenario")} can be run.` : "Scenarios"}</h1><p class="lead">Those that came with the suite stay as they are: duplicate one, and change the copy. ${bad > 0 && html`<span class="fail">${many(bad, "other")} cannot be run from here.</span>`}</p></div>
      <div class="actions">${may && html`<a class="btn primary" href="/write?from=http-east-west">New HTTP scenario</a><a class="btn" href="/write?from=storage-standard">New storage scenario</a>`}</div></div>
    ${error && html`<${Could} error=${error} again=${again} />`}${!data && !error && html`<${Reading} />`}
    ${data && html`<table class="stack"><thead><tr><th>Scenario</th><th>Kind</th><th class="num">Points</th><th class="num">Servers</th><th>What it does</th><th><span class="hidden">What can be done</span></th></tr></thead><tbody>
      ${data.scenarios.map((/** @type {any} */ one) => html`<tr class="go" key=${one.name}><th scope="row"><a href=${`/scenarios/${one.name}`}>${one.name}</a>${ORIGINS[one.origin] && html` <span class="tag">${ORIGINS[one.origin]}</span>`}</th><td data-l="Kind">${one.kind || "–"}</td><td class="num" data-l="Points">${one.points || "–"}</td><td class="num" data-l="Servers">${one.servers || "–"}</td><td class=${one.fault ? "fail" : "soft"}>${one.fault || one.description}</td>
        <td class="num nowrap">${may && html`<a class="btn quiet small" href=${`/write?from=${encodeURIComponent(one.name)}`}>Duplicate</a>`}</td></tr>`)}
    </tbody></table>`}<//>`;
};
