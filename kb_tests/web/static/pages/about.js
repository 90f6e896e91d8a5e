// What this is, where it reads, whose code is in it; and what the API can do.
import { KEYS, keysAreOn, turnKeys } from "../lib/keys.js";
import { Could, Reading, useData } from "../lib/load.js";
import { Shell } from "../parts/shell.js";
import { html, useState } from "../vendor/preact.js";
import { HowToRead } from "./overview.js";
import { Facts } from "./run.js";

export const About = () => {
  const { data, error, again } = useData("/version");
  const [keys, set] = useState(keysAreOn());
  return html`<${Shell} at="about" crumbs=${html`<b>About</b>`}><div class="page-head"><div><h1>kb_tests ${data?.version ?? ""}</h1><p class="lead">Loads an OpenStack cloud from inside its own servers and judges it against an SLA.</p></div></div>
    ${error && html`<${Could} error=${error} again=${again} />`}${!data && !error && html`<${Reading} />`}
    ${data && html`<section><div class="sec"><h2>This UI</h2><p>it owns nothing: end it, and runs go on</p></div><${Facts} one pairs=${[["Records", data.reports], ["Sessions", data.sessions], ["You are", data.role], ["Runs may be started here", data.starts ? `yes, of at most ${data.max_servers} servers and ${data.max_minutes} minutes of load` : "no"], ["Python", data.python]]} /></section>`}
    <section><div class="sec"><h2>Keys</h2><label class="row end"><input type="checkbox" checked=${keys} onChange=${(/** @type {any} */ event) => { turnKeys(event.target.checked); set(event.target.checked); }} /> <span>on</span></label></div><dl class="facts one">${KEYS.map(([key, says]) => html`<div><dt>${says}</dt><dd>${key.split(", ").map((one) => html`<kbd>${one}</kbd> `)}</dd></div>`)}</dl></section>
    <${HowToRead} />
    <section><div class="sec"><h2>Others' code in it</h2></div><p><a href="/static/vendor/licences.txt">Preact, its signals, and htm, with their licences</a>.</p></section><//>`;
};

export const Api = () => {
  const { data, error, again } = useData("/openapi.json");
  const rows = data ? Object.entries(data.paths).flatMap(([path, methods]) => Object.entries(/** @type {any} */ (methods)).map(([method, entry]) => ({ path, method: method.toUpperCase(), what: /** @type {any} */ (entry).summary }))) : [];
  return html`<${Shell} at="api" crumbs=${html`<b>API</b>`}><div class="page-head"><div><h1>${data ? `${rows.length} operations, OpenAPI ${data.openapi}.` : "API"}</h1><p class="lead">Everything that these pages do. The token is that of the address which kb ui printed.</p></div></div>
    ${error && html`<${Could} error=${error} again=${again} />`}${!data && !error && html`<${Reading} />`}
    ${data && html`<pre class="cmd">${`curl -H "Authorization: Bearer $TOKEN" ${location.origin}/api/v1/runs`}</pre>
    <section><table class="stack"><thead><tr><th>Method</th><th>Path</th><th>What it does</th></tr></thead><tbody>${rows.map((row) => html`<tr><td class="mono">${row.method}</td><th scope="row" class="mono">${row.path}</th><td class="soft">${row.what}</td></tr>`)}</tbody></table></section>`}<//>`;
};
