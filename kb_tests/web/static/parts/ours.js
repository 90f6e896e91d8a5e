// What of a cloud is ours, and removing it: first exactly what would go is shown, then that goes and nothing else.
import { get, post, remove } from "../lib/api.js";
import { Could } from "../lib/load.js";
import { go } from "../lib/route.js";
import { many, took, utc, when } from "../lib/words.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Outcome } from "./outcome.js";

const COUNTED = ["server", "volume", "port"];

/** @param {any} run @param {any[]} sessions */
const stateOf = (run, sessions) => {
  const session = sessions.find((one) => one.alive && Object.values(one.runs).includes(run.name));
  if (session || run.alive) return { tone: "running", text: "Running", session };
  if (run.kept) return { tone: "note", text: "Kept", session };
  return run.expired ? { tone: "fail", text: "Left over", session } : { tone: "note", text: "Perhaps alive", session };
};

/** What the lease says. @param {any} run @param {number} now by the cloud's clock */
const lease = (run, now) => {
  if (!run.lease_until) return "none";
  const left = run.lease_until - now;
  return left < 0 ? `expired ${took(-left)} ago` : `${took(left)} left`;
};

/** @param {{ id: string, done: () => void }} props */
const Removing = ({ id, done }) => {
  const [found, set] = useState(/** @type {any} */ (null));
  const [error, fail] = useState(/** @type {any} */ (null));
  useEffect(() => {
    const timer = setInterval(async () => {
      try {
        const now = await get(`/cleanups/${id}`);
        set(now);
        fail(null);
        if (now.state !== "running") {
          clearInterval(timer);
          if (now.state === "done") done();
        }
      } catch (problem) {
        fail(problem);
      }
    }, 1000);
    return () => clearInterval(timer);
  }, [id]);
  if (error) return html`<${Could} error=${error} />`;
  if (!found || found.state === "running") return html`<div class="alert"><svg class="i pulse" aria-hidden="true"><use href="#running" /></svg><p role="status"><b>It is being removed.</b> That takes up to some minutes; closing this page changes nothing.</p></div>`;
  return html`<div class=${`alert ${found.state === "done" ? "" : "fail"}`}><svg class="i" aria-hidden="true"><use href=${found.state === "done" ? "#pass" : "#fail"} /></svg>
    <p role="status"><b>${found.state === "done" ? `${many(found.resources.length, "resource")} removed.` : "Not all of it is gone."}</b> ${[...found.faults, ...found.notes].join(" ")}</p></div>`;
};

/** @param {{ cloud: string, run: string, close: () => void, begun: (id: string) => void }} props */
const DryRun = ({ cloud, run, close, begun }) => {
  const [shown, show] = useState(/** @type {any} */ (null));
  const [error, fail] = useState(/** @type {any} */ (null));
  const [force, insist] = useState(false);
  const [typed, type] = useState("");
  const [busy, set] = useState(false);
  const look = () => {
    fail(null);
    show(null);
    post(`/clouds/${encodeURIComponent(cloud)}/cleanups`, { run, force }).then(show, fail);
  };
  useEffect(look, [cloud, run, force]);
  const sure = async () => {
    set(true);
    fail(null);
    try {
      begun((await post(`/clouds/${encodeURIComponent(cloud)}/cleanups`, { run, force, typed, dry_run: false, digest: shown.digest })).id);
    } catch (problem) {
      fail(problem);
      set(false);
    }
  };
  const what = run ? `run ${run}` : "what has expired";
  const count = shown?.resources.length ?? 0;
  return html`<div class="dry" role="group" aria-label=${`Remove ${what}`}>
    ${error && html`<${Could} error=${error} again=${look} />${run && !force && error.status === 409 && html`<p class="actions"><button class="btn stop small" onClick=${() => insist(true)}>It is dead: show what would go all the same</button><button class="btn small" onClick=${close}>Leave it</button></p>`}`}
    ${!shown && !error && html`<p role="status">Asking ${cloud} for all that carries the mark of ${what}; nothing is removed yet.</p>`}
    ${shown && html`<h3>${count ? `Removing ${what} would delete ${count === 1 ? "this one" : `these ${count}`}, and nothing else` : `Nothing of ${what} is here to be removed`}</h3>
      ${count > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="What would be removed"><table><thead><tr><th>Kind</th><th>Name</th><th>Id</th><th>Run</th></tr></thead><tbody>${shown.resources.map((/** @type {any} */ one) => html`<tr><td>${one.kind.replaceAll("_", " ")}</td><th scope="row"><code>${one.name}</code></th><td class="soft"><code>${one.id}</code></td><td class="soft">${one.run}</td></tr>`)}</tbody></table></div>`}
      ${[...shown.notes, ...shown.faults].map((/** @type {string} */ text) => html`<p class="small">${text}</p>`)}
      ${force && count > 0 && html`<p><label class="row">It may be alive. To remove it all the same, type its id: <input class="mid" type="text" value=${typed} onInput=${(/** @type {any} */ event) => type(event.target.value)} autocomplete="off" /></label></p>`}
      <div class="actions">${count > 0 && html`<button class="btn stop sure" disabled=${busy || (force && typed !== run)} onClick=${sure}>${busy ? "Beginning" : `Remove ${count === 1 ? "this one" : `these ${count}`}`}</button>`}<button class="btn" onClick=${close}>Cancel</button><code>${shown.command}</code></div>`}
  </div>`;
};

/** @param {{ cloud: string, runs: any[], now: number, sessions: any[], kept: any[], may: boolean, again: () => void }} props */
export const Ours = ({ cloud, runs, now, sessions, kept, may, again }) => {
  const [open, show] = useState(/** @type {string | null} */ (null));
  const [id, begun] = useState("");
  const expired = runs.filter((run) => run.expired && !run.kept);
  return html`<section aria-labelledby="h-ours"><div class="sec"><h2 id="h-ours">What is ours here</h2><p>found by name and mark, ${many(runs.length, "run")}</p>
      ${may && expired.length > 0 && html`<span class="end"><button class="btn small" onClick=${() => show("")}>Remove what has expired…</button></span>`}</div>
    ${runs.length === 0 && html`<div class="empty"><b>Nothing of ours is here</b></div>`}
    ${runs.length > 0 && html`<table class="stack"><thead><tr><th>Run</th><th>State</th><th>Lease</th>${COUNTED.map((kind) => html`<th class="num">${kind[0].toUpperCase() + kind.slice(1)}s</th>`)}<th class="num">Other</th><th><span class="hidden">What can be done</span></th></tr></thead><tbody>
      ${runs.map((run) => {
        const { tone, text, session } = stateOf(run, sessions);
        const entries = /** @type {[string, number][]} */ (Object.entries(run.resources));
        const other = entries.filter(([kind]) => !COUNTED.includes(kind)).reduce((sum, [, count]) => sum + count, 0);
        const all = entries.reduce((sum, [, count]) => sum + count, 0);
        const stays = kept.find((one) => one.run === run.name);
        return html`<tr key=${run.name}><th scope="row"><a href=${session ? `/sessions/${session.sid}` : `/runs/${run.name}`}>${run.name}</a></th><td><${Outcome} of=${tone} text=${text} /></td>
          <td data-l="Lease" class=${run.expired && !run.kept ? "fail" : ""} title=${utc(run.lease_until)}>${lease(run, now)}</td>
          ${COUNTED.map((kind) => html`<td class="num" data-l=${`${kind}s`}>${run.resources[kind] ?? 0}</td>`)}<td class="num" data-l="Other">${other}</td>
          <td class="num">${may && (tone === "running" ? html`<span class="small soft">its own run removes it</span>` : html`${stays && html`<a class="btn small" href=${loading(stays)}>Load it</a> `}<button class="btn small stop" onClick=${() => show(run.name)}>Remove ${many(all, "resource")}…</button>`)}</td></tr>`;
      })}</tbody></table>`}
    ${open !== null && html`<${DryRun} key=${open} cloud=${cloud} run=${open} close=${() => show(null)} begun=${(/** @type {string} */ one) => { show(null); begun(one); }} />`}
    ${id && html`<${Removing} key=${id} id=${id} done=${again} />`}</section>`;
};

/** Where a kept topology is loaded again. @param {{ run: string, cloud: string, clouds: string[], scenario: string }} one */
const loading = (one) => `/new?${new URLSearchParams([["cloud", one.cloud], ["reuse", one.run], ["scenario", one.scenario], ...(one.clouds[1] ? [["testing", one.clouds[1]]] : [])])}`;

/** A kept topology, wherever it is. @param {{ one: any, may: boolean, again: () => void }} props */
export const Kept = ({ one, may, again }) => {
  const [told, tell] = useState(/** @type {any} */ (null));
  const [sure, ask] = useState(false);
  const [id, begun] = useState("");
  const left = (Date.parse(one.until) - Date.now()) / 1000;
  const where = one.clouds.map((/** @type {string} */ name) => name || "a local cloud of its own").join(" and ");
  /** @param {() => Promise<any>} doing */
  const attempt = async (doing) => {
    tell(null);
    try {
      await doing();
    } catch (error) {
      tell(error);
    }
  };
  const renew = () => attempt(async () => { await post(`/kept/${one.run}/renewal`, {}); again(); });
  const end = () => attempt(async () => { begun((await remove(`/kept/${one.run}`)).id); ask(false); });
  return html`<div class="alert"><svg class="i" aria-hidden="true"><use href="#note" /></svg><p><b>${one.scenario} stays on ${where}.</b> ${many(one.servers, "server")} of run <span class="mono">${one.run}</span> ${left > 0 ? html`for <span title=${utc(one.until)}>${took(left)}</span> more` : html`whose time was over ${when(one.until)}`}, with all that they cost.</p>
      ${may && html`<span class="actions"><button class="btn small primary" onClick=${() => go(loading(one))}>Load it…</button><button class="btn small" onClick=${renew}>Another day</button>
        ${sure ? html`<button class="btn small stop sure" onClick=${end}>Remove ${many(one.servers, "server")}</button><button class="btn small" onClick=${() => ask(false)}>Keep</button>` : html`<button class="btn small stop" onClick=${() => ask(true)}>End…</button>`}</span>`}</div>
    ${told && html`<${Could} error=${told} />`}${id && html`<${Removing} key=${id} id=${id} done=${again} />`}`;
};
