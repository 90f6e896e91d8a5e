// The clouds that clouds.yaml names, and whether each can carry a scenario: kb doctor, the worst first.
import { post } from "../lib/api.js";
import { Could, Reading, useData } from "../lib/load.js";
import { ask, place } from "../lib/route.js";
import { many } from "../lib/words.js";
import { Outcome } from "../parts/outcome.js";
import { Shell } from "../parts/shell.js";
import { html, useState } from "../vendor/preact.js";

const STATES = /** @type {Record<string, [string, string]>} */ ({ FAULT: ["fail", "In the way"], note: ["note", "Note"], good: ["pass", "Good"] });

/** @param {{ cloud: string, scenario: string, may: boolean }} props */
const Doctor = ({ cloud, scenario, may }) => {
  const [state, set] = useState(/** @type {{ busy: boolean, found: any, error: any }} */ ({ busy: false, found: null, error: null }));
  const examine = async () => {
    set({ busy: true, found: null, error: null });
    try {
      set({ busy: false, found: await post(`/clouds/${encodeURIComponent(cloud)}/examinations`, { scenario }), error: null });
    } catch (error) {
      set({ busy: false, found: null, error });
    }
  };
  const faults = state.found?.findings.filter((/** @type {any} */ one) => one.state === "FAULT").length;
  return html`<section><div class="sec"><h2>${cloud}</h2><p role="status">${state.busy ? "It is being asked for everything that staging needs; nothing is made." : state.found ? (state.found.fit ? "Nothing is in the way." : `${many(faults, "thing")} in the way.`) : ""}</p>
      <span class="end">${may && html`<button class="btn small" disabled=${state.busy} onClick=${examine}>${state.busy ? "Asking" : "Examine"}</button> `}<a class="btn small" href=${`/runs?cloud=${encodeURIComponent(cloud)}`}>Its runs</a> <a class="btn small" href=${`/new?cloud=${encodeURIComponent(cloud)}${scenario ? `&scenario=${scenario}` : ""}`}>New run</a></span></div>
    ${state.error && html`<${Could} error=${state.error} again=${examine} />`}
    ${state.found && html`<table class="doctor"><tbody>${state.found.findings.map((/** @type {any} */ one) => html`<tr><td><${Outcome} of=${STATES[one.state][0]} text=${STATES[one.state][1]} /></td><th scope="row">${one.what}</th><td>${one.found}${one.remedy && html`<br /><b>${one.remedy}</b>`}</td></tr>`)}</tbody></table>`}
  </section>`;
};

export const Clouds = () => {
  const { data, error, again } = useData("/clouds");
  const scenarios = useData("/scenarios").data?.scenarios ?? [];
  const version = useData("/version").data;
  const scenario = place.value.query.get("scenario") ?? "";
  const named = (data?.clouds ?? []).filter((/** @type {any} */ one) => !one.embedded);
  return html`<${Shell} at="clouds" crumbs=${html`<b>Clouds</b>`}>
    <div class="page-head"><div><h1>${data ? (named.length ? `${many(named.length, "cloud")} in clouds.yaml.` : "clouds.yaml names no cloud.") : "Clouds"}</h1><p class="lead">An examination asks a cloud for everything that staging would need: rights, image, flavor, networks, quota. It makes nothing.</p></div>
      ${named.length > 0 && html`<div class="actions"><label class="row">For the scenario <select onChange=${(/** @type {any} */ event) => ask({ scenario: event.target.value })}><option value="">none in particular</option>${scenarios.filter((/** @type {any} */ one) => !one.fault).map((/** @type {any} */ one) => html`<option value=${one.name} selected=${one.name === scenario}>${one.name}</option>`)}</select></label></div>`}</div>
    ${error && html`<${Could} error=${error} again=${again} />`}${!data && !error && html`<${Reading} />`}
    ${data?.fault && html`<div class="alert fail"><svg class="i" aria-hidden="true"><use href="#fail" /></svg><p>${data.fault}</p></div>`}
    ${data && named.length === 0 && html`<p>Looked for at:</p><pre class="cmd">${data.searched.join("\n")}</pre><p><button class="btn" onClick=${again}>Look again</button></p>`}
    ${named.map((/** @type {any} */ one) => html`<${Doctor} key=${one.name} cloud=${one.name} scenario=${scenario} may=${version?.role === "operator"} />`)}
  <//>`;
};
