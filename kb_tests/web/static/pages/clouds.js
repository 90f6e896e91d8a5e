// The clouds that clouds.yaml names: whether one can carry a scenario, what room it has, what of it is ours.
import { post } from "../lib/api.js";
import { Could, Reading, useData } from "../lib/load.js";
import { ask, place } from "../lib/route.js";
import { many, when } from "../lib/words.js";
import { Ours } from "../parts/ours.js";
import { Outcome } from "../parts/outcome.js";
import { Room, useRoom } from "../parts/room.js";
import { Shell } from "../parts/shell.js";
import { Tabs } from "../parts/tabs.js";
import { html, useState } from "../vendor/preact.js";

const STATES = /** @type {Record<string, [string, string]>} */ ({ FAULT: ["fail", "In the way"], note: ["note", "Note"], good: ["pass", "Good"] });
const GOOD_SHOWN = 6;

/** The doctor's answer about a cloud, asked for by a button. @param {string} cloud @param {string} scenario */
export const useDoctor = (cloud, scenario) => {
  const key = `${cloud} ${scenario}`;
  const [state, set] = useState(/** @type {{ key: string, busy: boolean, found: any, error: any }} */ ({ key, busy: false, found: null, error: null }));
  const examine = async () => {
    set({ key, busy: true, found: null, error: null });
    try {
      const found = await post(`/clouds/${encodeURIComponent(cloud)}/examinations`, { scenario });
      set((now) => (now.key === key ? { key, busy: false, found, error: null } : now));
    } catch (error) {
      set((now) => (now.key === key ? { key, busy: false, found: null, error } : now));
    }
  };
  return { ...(state.key === key ? state : { key, busy: false, found: null, error: null }), examine };
};

/** @param {any} found @returns {[number, number, number]} faults, notes, good ones */
export const counted = (found) => /** @type {[number, number, number]} */ (["FAULT", "note", "good"].map((state) => found.findings.filter((/** @type {any} */ one) => one.state === state).length));

/** @param {{ findings: any[] }} props */
export const Findings = ({ findings }) => {
  const row = (/** @type {any} */ one) => html`<tr><td><${Outcome} of=${STATES[one.state][0]} text=${STATES[one.state][1]} /></td><th scope="row">${one.what}</th><td>${one.found}${one.remedy && html`<br /><b>${one.remedy}</b>`}</td></tr>`;
  const bad = findings.filter((one) => one.state !== "good");
  const good = findings.filter((one) => one.state === "good");
  const first = good.slice(0, Math.max(0, GOOD_SHOWN - bad.length));
  const rest = good.slice(first.length);
  return html`<table class="doctor"><tbody>${[...bad, ...first].map(row)}</tbody></table>${rest.length > 0 && html`<details><summary>${rest.length} more good</summary><table class="doctor"><tbody>${rest.map(row)}</tbody></table></details>`}`;
};

/** @param {{ zones: any[] }} props */
const Places = ({ zones }) => html`<div class="sec gap"><h2>Places</h2><p>${zones.some((zone) => zone.hosts.length) ? `${many(zones.reduce((sum, zone) => sum + zone.hosts.length, 0), "host")} in ${many(zones.length, "zone")}, for placement` : `${many(zones.length, "zone")}; hosts are shown to admins alone`}</p></div>
  <table><tbody>${zones.map((zone) => html`<tr><th scope="row">${zone.name}</th><td class=${zone.available ? "" : "fail"}>${zone.available ? many(zone.hosts.length, "host") : "not available"}</td><td class="soft">${zone.hosts.slice(0, 12).join(", ")}${zone.hosts.length > 12 && `, and ${zone.hosts.length - 12} more`}</td></tr>`)}</tbody></table>`;

/** @param {{ has: any, unlisted: Record<string, string> }} props */
const Lists = ({ has, unlisted }) => html`
  ${Object.entries(unlisted).map(([kind, why]) => html`<div class="alert inconclusive small"><svg class="i" aria-hidden="true"><use href="#inconclusive" /></svg><p><b>The ${kind} could not be listed:</b> ${why}</p></div>`)}
  ${[["images", "Images"], ["flavors", "Flavors"], ["networks", "Networks"], ["routers", "Routers"]].map(([kind, title]) => html`<details><summary>${title} (${has[kind].length})</summary><p class="small">${has[kind].map((/** @type {any} */ one, /** @type {number} */ i) => html`${i > 0 && ", "}<b>${one.name}</b>${one.external ? " (external)" : ""}${one.vcpus ? ` (${one.vcpus} vCPU, ${one.ram} MiB)` : ""}`)}</p></details>`)}`;

/** @param {{ cloud: string }} props */
export const Cloud = ({ cloud }) => {
  const scenario = place.value.query.get("scenario") ?? "";
  const version = useData("/version").data;
  const clouds = useData("/clouds").data?.clouds ?? [];
  const scenarios = (useData("/scenarios").data?.scenarios ?? []).filter((/** @type {any} */ one) => !one.fault);
  const sessions = useData("/sessions", 5).data?.sessions ?? [];
  const kept = useData("/kept", 15).data?.kept ?? [];
  const needs = useData(scenario ? `/scenarios/${encodeURIComponent(scenario)}` : "/version").data?.needs;
  const room = /** @type {any} */ (useRoom(cloud));
  const doctor = useDoctor(cloud, scenario);
  const may = version?.role === "operator";
  const whole = room.whole;
  const what = scenario ? ` for ${scenario}` : "";
  const [faults, notes, good] = doctor.found ? counted(doctor.found) : [0, 0, 0];
  const title = doctor.found ? (doctor.found.fit ? `${cloud} is ready${what}.` : `${many(faults, "thing")} on ${cloud} in the way${what}.`) : room.error ? `${cloud} does not answer.` : cloud;
  const crumbs = html`<a href="/clouds">Clouds</a> <span class="far">/ <b>${cloud}</b></span>`;
  return html`<${Shell} at="clouds" crumbs=${crumbs}>
    ${clouds.length > 2 && html`<${Tabs} label="Clouds" at=${cloud} tabs=${clouds.filter((/** @type {any} */ one) => !one.embedded).map((/** @type {any} */ one) => [one.name, `/clouds/${encodeURIComponent(one.name)}${scenario ? `?scenario=${scenario}` : ""}`])} />`}
    <div class="page-head"><div><h1>${title}</h1><p class="lead" role="status">${doctor.busy ? "It is being asked for everything that staging needs; nothing is made." : doctor.found ? `${good} good, ${many(notes, "note")}, ${faults ? many(faults, "fault") : "no fault"}.` : "Whether it can carry a scenario, what room it has, and what of it is ours."}</p>
        ${whole && html`<p class="meta">${whole.who.auth_url} · project ${whole.who.project}${whole.who.user && ` as ${whole.who.user}`}${whole.who.admin ? ", admin" : ""} · asked ${when(whole.asked)}</p>`}</div>
      <div class="actions">${may && html`<button class="btn small" disabled=${doctor.busy} onClick=${doctor.examine}>${doctor.busy ? "Asking" : doctor.found ? "Ask again" : "Examine"}</button>`}<a class="btn small" href=${`/runs?cloud=${encodeURIComponent(cloud)}`}>Its runs</a><a class="btn small primary" href=${`/new?cloud=${encodeURIComponent(cloud)}${scenario ? `&scenario=${scenario}` : ""}`}>New run here</a></div></div>
    <div class="cols"><section class="c7" aria-labelledby="h-doctor"><div class="sec"><h2 id="h-doctor">Doctor</h2><label class="row"><span class="soft">for</span> <select onChange=${(/** @type {any} */ event) => ask({ scenario: event.target.value })}><option value="">none in particular</option>${scenarios.map((/** @type {any} */ one) => html`<option value=${one.name} selected=${one.name === scenario}>${one.name}</option>`)}</select></label>${doctor.found && html`<span class="end small soft">worst first</span>`}</div>
        ${doctor.error && html`<${Could} error=${doctor.error} again=${doctor.examine} />`}
        ${doctor.found ? html`<${Findings} findings=${doctor.found.findings} />` : !doctor.error && html`<p class="soft">${doctor.busy ? "Asking for rights, image, flavor, networks and quotas." : may ? html`<button class="btn quiet" onClick=${doctor.examine}>Examine ${cloud}</button> asks for all that staging needs: rights, image, flavor, networks, quotas. It makes nothing.` : "Only an operator's token may have a cloud examined."}</p>`}</section>
      <section class="c5" aria-labelledby="h-room"><div class="sec"><h2 id="h-room">Room</h2><p><span class="sw used"></span>used ${needs ? html`<span class="sw acc"></span>${scenario} ` : ""}<span class="sw wash"></span>free</p>${may && html`<span class="end"><button class="btn quiet small" disabled=${room.busy} onClick=${room.again}>Ask again</button></span>`}</div>
        <${Room} of=${room} cloud=${cloud} needs=${needs} />
        ${room.data?.zones.length > 0 && html`<${Places} zones=${room.data.zones} />`}
        ${whole && html`<${Lists} has=${room.data} unlisted=${whole.unlisted} />`}</section></div>
    ${whole && html`<${Ours} cloud=${cloud} runs=${room.data.runs} now=${whole.who.now} sessions=${sessions} kept=${kept} may=${may && version.starts} again=${room.again} />`}<//>`;
};

export const Clouds = () => {
  const { data, error, again } = useData("/clouds");
  const runs = useData("/runs?limit=200").data?.runs ?? [];
  const kept = useData("/kept", 15).data?.kept ?? [];
  const named = (data?.clouds ?? []).filter((/** @type {any} */ one) => !one.embedded);
  return html`<${Shell} at="clouds" crumbs=${html`<b>Clouds</b>`}>
    <div class="page-head"><div><h1>${data ? (named.length ? `${many(named.length, "cloud")} in clouds.yaml.` : "clouds.yaml names no cloud.") : "Clouds"}</h1><p class="lead">A cloud's page says whether it can carry a scenario, what room it has, and what of it is ours.</p></div></div>
    ${error && html`<${Could} error=${error} again=${again} />`}${!data && !error && html`<${Reading} />`}
    ${data?.fault && html`<div class="alert fail"><svg class="i" aria-hidden="true"><use href="#fail" /></svg><p>${data.fault}</p></div>`}
    ${data && named.length === 0 && html`<p>Looked for at:</p><pre class="cmd">${data.searched.join("\n")}</pre><p class="actions"><button class="btn" onClick=${again}>Look again</button></p>`}
    ${named.length > 0 && html`<table class="stack"><thead><tr><th>Cloud</th><th>Last run</th><th>When</th><th>Scenario</th><th>Kept there</th></tr></thead><tbody>${named.map((/** @type {any} */ one) => {
      const last = runs.find((/** @type {any} */ run) => run.cloud === one.name);
      const stays = kept.filter((/** @type {any} */ k) => k.clouds.includes(one.name)).length;
      return html`<tr class="go" key=${one.name}><th scope="row"><a href=${`/clouds/${encodeURIComponent(one.name)}`}>${one.name}</a></th><td>${last ? html`<${Outcome} of=${last.outcome} />` : html`<span class="soft">no run yet</span>`}</td><td data-l="When">${last ? when(last.started) : "–"}</td><td data-l="Scenario">${last?.scenarios.join(", ") ?? "–"}</td><td data-l="Kept">${stays ? many(stays, "topology").replace("topologys", "topologies") : "–"}</td></tr>`;
    })}</tbody></table>`}
  <//>`;
};
