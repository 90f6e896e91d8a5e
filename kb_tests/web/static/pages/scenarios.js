// The scenarios there are, and one of them: its text, its points, what it takes.
import { Could, Reading, useData } from "../lib/load.js";
import { many } from "../lib/words.js";
import { Shell } from "../parts/shell.js";
import { html } from "../vendor/preact.js";
import { Facts } from "./run.js";

export const Scenarios = () => {
  const { data, error, again } = useData("/scenarios");
  return html`<${Shell} at="scenarios" crumbs=${html`<b>Scenarios</b>`}>
    <div class="page-head"><div><h1>${data ? `${many(data.scenarios.length, "scenario")} can be run.` : "Scenarios"}</h1><p class="lead">To write one, begin with <code>kb scenario show http-east-west</code> in a folder of your own, and start <code>kb ui --scenarios FOLDER</code>.</p></div></div>
    ${error && html`<${Could} error=${error} again=${again} />`}${!data && !error && html`<${Reading} />`}
    ${data && html`<table class="stack"><thead><tr><th>Scenario</th><th>Kind</th><th class="num">Points</th><th class="num">Servers</th><th>What it does</th></tr></thead><tbody>
      ${data.scenarios.map((/** @type {any} */ one) => html`<tr class="go"><th scope="row"><a href=${`/scenarios/${one.name}`}>${one.name}</a>${one.shipped ? "" : html` <span class="tag">own</span>`}</th><td data-l="Kind">${one.kind || "–"}</td><td class="num" data-l="Points">${one.points || "–"}</td><td class="num" data-l="Servers">${one.servers || "–"}</td><td class=${one.fault ? "fail" : "soft"}>${one.fault || one.description}</td></tr>`)}
    </tbody></table>`}<//>`;
};

const NEEDS = /** @type {Record<string, string>} */ ({ servers: "servers", vcpus: "vCPU", ram: "RAM, MiB", networks: "networks", ports: "ports, about", routers: "routers", floating_ips: "floating IPs", volumes: "volumes", gibibytes: "volumes, GiB" });

/** @param {{ name: string }} props */
export const Scenario = ({ name }) => {
  const { data, error, again } = useData(`/scenarios/${encodeURIComponent(name)}`);
  const crumbs = html`<a href="/scenarios">Scenarios</a> <span class="far">/ <b>${name}</b></span>`;
  if (!data) return html`<${Shell} at="scenarios" crumbs=${crumbs}>${error ? html`<h1>${name}</h1><${Could} error=${error} again=${again} />` : html`<${Reading} />`}<//>`;
  return html`<${Shell} at="scenarios" crumbs=${crumbs}>
    <div class="page-head"><div><h1>${name}: ${data.row.fault ? "it cannot be run from here." : `${many(data.row.points, "point")}, ${many(data.row.servers, "server")}.`}</h1><p class="lead">${data.row.description}</p></div>
      <div class="actions">${!data.row.fault && html`<a class="btn primary" href=${`/new?scenario=${name}`}>Run it</a>`}</div></div>
    ${data.row.fault && html`<div class="alert fail"><svg class="i" aria-hidden="true"><use href="#fail" /></svg><p>${data.row.fault}</p></div>`}
    <div class="cols"><section class="c7"><div class="sec"><h2>File</h2></div><div class="yaml" tabindex="0" role="region" aria-label="The scenario's file">${data.text.split("\n").map((/** @type {string} */ line, /** @type {number} */ i) => html`<span class="ln">${i + 1}</span><span class="tx">${line}</span>`)}</div></section>
      <section class="c5"><div class="sec"><h2>What it takes</h2></div><${Facts} one pairs=${Object.entries(NEEDS).filter(([key]) => data.needs[key]).map(([key, text]) => [text, String(data.needs[key])])} />
        <div class="sec gap"><h2>Points</h2></div><ol class="steps">${data.point_ids.map((/** @type {string} */ id) => html`<li class="mono">${id}</li>`)}</ol></section></div><//>`;
};
