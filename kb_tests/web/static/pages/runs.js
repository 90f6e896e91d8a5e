// All runs, filtered by what the address says.
import { Could, Reading, useData } from "../lib/load.js";
import { ask, place } from "../lib/route.js";
import { many } from "../lib/words.js";
import { RunTable } from "../parts/runtable.js";
import { Shell } from "../parts/shell.js";
import { Typed } from "../parts/typed.js";
import { html, useState } from "../vendor/preact.js";

const OUTCOMES = ["pass", "fail", "inconclusive", "invalid", "leaked", "unfinished", "not_run", "lost", "error"];
const SINCE = [["", "any time"], ["1d", "since yesterday"], ["7d", "in 7 days"], ["30d", "in 30 days"]];

/** @param {{ label: string, name: string, options: string[][], value: string }} props */
const Choice = ({ label, name, options, value }) => html`<label class="row">${label} <select value=${value} onChange=${(/** @type {any} */ event) => ask({ [name]: event.target.value, after: "" })}>${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select></label>`;

export const Runs = () => {
  const query = place.value.query;
  const wanted = Object.fromEntries(["cloud", "scenario", "outcome", "since", "q"].map((name) => [name, query.get(name) ?? ""]));
  const asked = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value).map(([name, value]) => [name, value.replace(/^(\d+)d$/, (_, days) => `${Number(days) * 24}h`)]));
  const [limit, more] = useState(50);
  asked.set("limit", String(limit));
  const { data, error, again } = useData(`/runs?${asked}`, 10);
  const named = Object.entries(wanted).filter(([, value]) => value);
  const title = !data ? "Runs" : named.length ? `${many(data.total, "run")} ${data.total === 1 ? "matches" : "match"}.` : data.total ? `${many(data.total, "run")}.` : "No runs yet.";
  return html`<${Shell} at="runs" crumbs=${html`<b>Runs</b>`}>
    <div class="page-head"><div><h1>${title}</h1><p class="meta">one mark a point: a flat line is all pass</p></div>
      <div class="actions" role="group" aria-label="Filter">
        <label class="row">Find <${Typed} type="search" value=${wanted.q} placeholder="id, scenario, tag" take=${(/** @type {string} */ text) => ask({ q: text })} /></label>
        <${Choice} label="Cloud" name="cloud" value=${wanted.cloud} options=${[["", "all"], ...(data?.clouds ?? []).map((/** @type {string} */ one) => [one, one])]} />
        <${Choice} label="Scenario" name="scenario" value=${wanted.scenario} options=${[["", "all"], ...(data?.scenarios ?? []).map((/** @type {string} */ one) => [one, one])]} />
        <${Choice} label="Outcome" name="outcome" value=${wanted.outcome} options=${[["", "all"], ...OUTCOMES.map((one) => [one, one.replace("_", " ")])]} />
        <${Choice} label="Begun" name="since" value=${wanted.since} options=${SINCE} />
      </div></div>
    ${error && html`<${Could} error=${error} again=${again} />`}
    ${!data && !error && html`<${Reading} />`}
    ${data && (data.runs.length
      ? html`<${RunTable} runs=${data.runs} />${data.next && html`<p class="actions"><button class="btn" onClick=${() => more(Math.min(500, limit + 100))}>Show more of ${data.total}</button></p>`}`
      : html`<div class="empty"><b>${named.length ? "No run matches" : "Nothing was run yet"}</b>
          ${named.map(([name, value]) => html`<button class="btn quiet small" onClick=${() => ask({ [name]: "" })}>Drop “${name} ${value}”</button>`)}
          ${named.length === 0 && html`<a href="/">Three ways to begin</a>`}</div>`)}
  <//>`;
};
