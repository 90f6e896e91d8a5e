// A new run: which cloud, which scenarios, what that takes in words, and the command line that does the same.
import { Could, Reading, useData } from "../lib/load.js";
import { place } from "../lib/route.js";
import { many } from "../lib/words.js";
import { Shell } from "../parts/shell.js";
import { Start, shown } from "../parts/start.js";
import { html, useEffect, useState } from "../vendor/preact.js";

export const New = () => {
  const scenarios = useData("/scenarios");
  const clouds = useData("/clouds");
  const version = useData("/version").data;
  const [picked, pick] = useState(/** @type {string[]} */ (place.value.query.getAll("scenario")));
  const [cloud, on] = useState(place.value.query.get("cloud") ?? "");
  const [seen, see] = useState(/** @type {{ key: string, all: any[], error: any }} */ ({ key: "", all: [], error: null }));
  const key = picked.join();
  useEffect(() => {
    if (picked.length) shown(picked).then((all) => see({ key, all, error: null }), (error) => see({ key, all: [], error }));
  }, [key]);
  const crumbs = html`<b>New run</b>`;
  if (!scenarios.data || !clouds.data) return html`<${Shell} at="new" crumbs=${crumbs}><h1>New run</h1>${scenarios.error ? html`<${Could} error=${scenarios.error} again=${scenarios.again} />` : html`<${Reading} />`}<//>`;
  const known = seen.key === key && picked.length ? seen.all : [];
  const servers = Math.max(0, ...known.map((one) => one.row.servers));
  const vcpus = Math.max(0, ...known.map((one) => one.needs.vcpus ?? 0));
  const points = known.reduce((sum, one) => sum + one.row.points, 0);
  const where = cloud || "a local cloud on this machine";
  const line = ["pytest --pyargs kb_tests", ...(cloud ? [`--kb-cloud ${cloud}`] : []), ...picked.map((name) => `--kb-scenario ${name}`)].join(" ");
  const may = version?.starts && version.role === "operator";
  return html`<${Shell} at="new" crumbs=${crumbs}>
    <div class="page-head"><div><h1>What is to be loaded, and with what?</h1></div></div>
    <div class="cols"><div class="c7">
      <fieldset><legend>Cloud</legend><div class="pick">${clouds.data.clouds.map((/** @type {any} */ one) => html`<label><input type="radio" name="cloud" checked=${cloud === one.name} onChange=${() => on(one.name)} /><span>${one.embedded ? html`<b>a local cloud on this machine</b> <span class="soft">it proves the tool, not a cloud</span>` : html`<b>${one.name}</b>`}</span><span></span></label>`)}</div></fieldset>
      ${clouds.data.fault && html`<p class="small soft">${clouds.data.fault}</p>`}
      <fieldset><legend>Scenarios</legend><div class="pick">${scenarios.data.scenarios.map((/** @type {any} */ one) => html`<label><input type="checkbox" disabled=${Boolean(one.fault)} checked=${picked.includes(one.name)} onChange=${(/** @type {any} */ event) => pick(event.target.checked ? [...picked, one.name] : picked.filter((name) => name !== one.name))} /><span><b>${one.name}</b> <span class="soft">${one.fault || one.description}</span></span><span class="soft small nowrap">${one.points ? `${many(one.points, "point")}, ${one.servers} servers` : ""}</span></label>`)}</div></fieldset></div>
      <div class="c5"><div class="panel"><h2>What it takes</h2>
        ${seen.error && picked.length > 0 && html`<${Could} error=${seen.error} />`}
        ${known.length ? html`<p class="cost"><b>${many(servers, "server")}</b> at a time with ${vcpus} vCPU on <b>${where}</b>, ${many(points, "point")}. All of it is removed at the end.</p>` : html`<p class="soft">Choose a scenario.</p>`}
        ${version && servers > version.max_servers && html`<p class="fail">That is more than the ${version.max_servers} servers that may be started from here.</p>`}
        ${may ? html`<div class="actions"><${Start} scenarios=${known.length ? picked : []} cloud=${cloud} text=${known.length ? `Run on ${many(servers, "server")}` : "Run"} known=${known} /></div>` : html`<p class="soft">Nothing can be started from this page.</p>`}
        ${cloud && html`<p class="small"><a href=${`/clouds${picked.length ? `?scenario=${picked[0]}` : ""}`}>Ask ${cloud} first whether anything is in the way</a></p>`}<p class="small soft">The same from a shell:</p><pre class="cmd">${line}</pre></div></div></div><//>`;
};
