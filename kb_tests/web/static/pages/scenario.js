// One scenario: as a form and as its text, what is wrong with it by line, what it takes, and whether a cloud has room.
import { get, post, put, remove } from "../lib/api.js";
import { meant } from "../lib/edit.js";
import { Could, Reading, useData } from "../lib/load.js";
import { go, place } from "../lib/route.js";
import { many, number, took } from "../lib/words.js";
import { change } from "../lib/yaml.js";
import { Form } from "../parts/form.js";
import { Outcome } from "../parts/outcome.js";
import { Shell } from "../parts/shell.js";
import { Yaml } from "../parts/yaml.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Findings, counted, useDoctor } from "./clouds.js";
import { Facts } from "./run.js";

const NEEDS = /** @type {Record<string, string>} */ ({ servers: "Servers", vcpus: "vCPU", ram: "RAM, GiB", networks: "Networks", ports: "Ports, about", routers: "Routers", floating_ips: "Floating IPs", volumes: "Volumes", gibibytes: "Volumes, GiB" });
const STILL = 400;

/** What is wrong with a text, a moment after it was last changed; the last that could be read stays known. @param {string} text */
const useCheck = (text) => {
  const [found, set] = useState(/** @type {{ text: string | null, check: any, good: any, data: any, error: any }} */ ({ text: null, check: null, good: null, data: null, error: null }));
  useEffect(() => {
    const stop = new AbortController();
    const ask = async () => {
      try {
        for (const feasible of [false, true]) {
          const check = await post("/checks", { text, feasible }, {}, stop.signal);
          set((before) => ({ text, check, good: check.name ? check : before.good, data: Object.keys(check.data).length ? check.data : before.data, error: null }));
          if (check.findings.length) break;
        }
      } catch (error) {
        if (!stop.signal.aborted) set((before) => ({ ...before, text, check: null, error }));
      }
    };
    const timer = setTimeout(ask, found.check ? STILL : 0);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  return { ...found, fresh: found.text === text };
};

/** @param {{ name: string, text: string }} props */
const saveFile = ({ name, text }) => {
  const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.yaml`;
  link.click();
  URL.revokeObjectURL(url);
};

/**
 * @param {{ name: string, first: string, digest: string, origin: string, draft: string }} props
 * `first` is the text as it is saved under `digest`, `draft` what it is kept as in this tab until it is
 */
const Editor = ({ name, first, digest, origin, draft }) => {
  const locked = origin === "shipped" || origin === "given";
  const [text, set] = useState((!locked && sessionStorage.getItem(draft)) || first);
  const [error, fail] = useState(/** @type {any} */ (null));
  const [at, point] = useState(0);
  const [sure, ask] = useState(false);
  const [cloud, on] = useState("");
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  const version = useData("/version").data;
  const clouds = (useData("/clouds").data?.clouds ?? []).filter((/** @type {any} */ one) => !one.embedded);
  const found = useCheck(text);
  const { check, good, data, fresh, error: unchecked } = found;
  const doctor = useDoctor(cloud, name);
  const may = Boolean(version?.starts) && version?.role === "operator";
  const changed = text !== first;
  const write = (/** @type {string} */ next) => {
    set(next);
    if (next === first) sessionStorage.removeItem(draft);
    else sessionStorage.setItem(draft, next);
  };
  const findings = check?.findings ?? [];
  const mistakes = findings.filter((/** @type {any} */ one) => one.level === "mistake").length;
  const untold = findings.length - mistakes;
  const called = good?.name ?? name;
  const attempt = async (/** @type {() => Promise<void>} */ doing) => {
    fail(null);
    try {
      await doing();
    } catch (problem) {
      fail(problem);
    }
  };
  const save = async (/** @type {string} */ then) => attempt(async () => {
    const headers = origin === "saved" && called === name ? { "if-match": `"${digest}"` } : undefined;
    await put(`/scenarios/${encodeURIComponent(called)}`, { text }, headers);
    sessionStorage.removeItem(draft);
    go(then.replace("{name}", encodeURIComponent(called)), { replace: called === name });
    dispatchEvent(new Event("kb-saved"));
  });
  const lasting = good ? (good.shortest === good.longest ? took(good.shortest) : `${took(good.shortest)} to ${took(good.longest)}`) : "";
  const lead = good ? html`${many(good.needs.servers, "server")}, ${many(good.points.length, "point")}, ${lasting} of load. ` : "";
  const state = mistakes ? html`<${Outcome} of="fail" text=${many(mistakes, "mistake")} />, so it cannot be saved or run.` : untold ? html`<${Outcome} of="inconclusive" text=${`${many(untold, "limit")} cannot be shown`} />, whatever comes out.` : check && fresh ? html`<${Outcome} of="pass" text="Nothing is wrong" /> with it.` : html`<span class="soft">Checking.</span>`;
  return html`
    <div class="page-head"><div><h1>${called}</h1><p class="lead" role="status">${lead}${state}</p></div>
      <div class="actions">${changed && html`<span class="small soft">changed, not saved</span><button class="btn" onClick=${() => write(first)}>Discard</button>`}
        ${locked && may && html`<a class="btn" href=${`/write?from=${encodeURIComponent(name)}`}>Duplicate</a>`}
        ${origin === "saved" && may && !changed && (sure ? html`<button class="btn stop sure" onClick=${() => attempt(async () => { await remove(`/scenarios/${encodeURIComponent(name)}`, { "if-match": `"${digest}"` }); go("/scenarios"); })}>Delete it</button><button class="btn" onClick=${() => ask(false)}>Keep it</button>` : html`<button class="btn stop" onClick=${() => ask(true)}>Delete…</button>`)}
        ${!locked && may && (changed || origin === "new") && html`<button class="btn" disabled=${mistakes > 0 || !fresh} onClick=${() => save("/scenarios/{name}")}>Save</button><button class="btn primary" disabled=${mistakes > 0 || !fresh} onClick=${() => save("/new?scenario={name}")}>Save and run…</button>`}
        ${!changed && origin !== "new" && !mistakes && html`<a class="btn primary" href=${`/new?scenario=${encodeURIComponent(name)}`}>Run…</a>`}</div></div>
    ${locked && html`<p class="alert small"><svg class="i" aria-hidden="true"><use href="#note" /></svg><span>${origin === "shipped" ? "It came with the suite and stays as it is: duplicate it to change it." : "It is a file of the folder that kb ui was given, and is changed there."}</span></p>`}
    ${error && html`<${Could} error=${error} />`}
    <div class="split"><${Form} text=${text} known=${found} check=${check} data=${data} write=${write} locked=${locked || !may} />
      <div><div class="cap"><b>YAML</b> <span>${locked ? "the file" : "what is saved; changes both ways"}</span><span class="end">
          ${!locked && may && html`<button class="btn quiet small" onClick=${() => file.current?.click()}>Import</button><input ref=${file} class="hidden" type="file" accept=".yaml,.yml" tabindex="-1" aria-label="A scenario file" onChange=${async (/** @type {any} */ event) => { const [one] = event.target.files; if (one && one.size < 262144) write(await one.text()); event.target.value = ""; }} />`}
          <button class="btn quiet small" onClick=${() => saveFile({ name: called, text })}>Export</button></span></div>
        <${Yaml} text=${text} findings=${findings} write=${write} locked=${locked || !may} at=${at} />
        <section aria-labelledby="h-findings"><div class="sec"><h2 id="h-findings">Findings</h2><p>of kb scenario check${locked ? "" : ", while you type"}</p></div>
          ${unchecked && html`<${Could} error=${unchecked} />`}
          ${findings.map((/** @type {any} */ one) => html`<div class="finding"><div><${Outcome} of=${one.level === "mistake" ? "fail" : "inconclusive"} text=${one.level === "mistake" ? "Mistake" : "Too few"} /></div><div>${one.line > 0 && html`<button class="btn quiet small" onClick=${() => point(one.line)}>line ${one.line}</button> `}${one.sentence}</div></div>`)}
          ${check && !findings.length && html`<p class="soft">None.</p>`}</section></div></div>
    ${good && html`<div class="cols"><section class="c6" aria-labelledby="h-plan"><div class="sec"><h2 id="h-plan">Plan</h2><p>what it needs${fresh && check?.name ? "" : ", as it last could be read"}</p></div>
        <${Facts} pairs=${[...Object.entries(NEEDS).filter(([key]) => good.needs[key]).map(([key, label]) => [label, number(key === "ram" ? good.needs[key] / 1024 : good.needs[key])]), ["Load lasts", lasting]]} />
        <details><summary>${many(good.points.length, "point")}</summary><ol class="steps">${good.points.map((/** @type {string[]} */ [id, words]) => html`<li><span class="mono">${id}</span> <span class="soft">${words}</span></li>`)}</ol></details></section>
      <section class="c6" aria-labelledby="h-doc"><div class="sec"><h2 id="h-doc">Doctor of</h2><select aria-label="Cloud" onChange=${(/** @type {any} */ event) => on(event.target.value)}><option value="">a cloud</option>${clouds.map((/** @type {any} */ one) => html`<option value=${one.name} selected=${one.name === cloud}>${one.name}</option>`)}</select>${doctor.found && html`<p>${counted(doctor.found)[0] ? many(counted(doctor.found)[0], "fault") : "no fault"}</p>`}${cloud && html`<a class="end" href=${`/clouds/${encodeURIComponent(cloud)}?scenario=${encodeURIComponent(name)}`}>the whole cloud</a>`}</div>
        ${origin === "new" || changed ? html`<p class="soft">Save it first: a cloud is asked for what is saved.</p>` : cloud && html`<p class="actions"><button class="btn small" disabled=${doctor.busy || !may} onClick=${doctor.examine}>${doctor.busy ? "Asking" : `Ask ${cloud}`}</button></p>`}
        ${doctor.error && html`<${Could} error=${doctor.error} />`}${doctor.found && html`<${Findings} findings=${doctor.found.findings} />`}
        ${clouds.length > 0 && !cloud && origin !== "new" && !changed && html`<p class="soft">Choose a cloud, to ask it whether it can carry this.</p>`}
        ${clouds.length === 0 && html`<p class="soft">clouds.yaml names no cloud; the embedded one needs no doctor.</p>`}</section></div>`}`;
};

/** @param {{ name: string }} props */
export const Scenario = ({ name }) => {
  const { data, error, again } = useData(`/scenarios/${encodeURIComponent(name)}`);
  useEffect(() => {
    addEventListener("kb-saved", again);
    return () => removeEventListener("kb-saved", again);
  });
  const crumbs = html`<a href="/scenarios">Scenarios</a> <span class="far">/ <b>${name}</b></span>`;
  if (!data) return html`<${Shell} at="scenarios" crumbs=${crumbs}>${error ? html`<h1>${name}</h1><${Could} error=${error} again=${again} />` : html`<${Reading} />`}<//>`;
  return html`<${Shell} at="scenarios" crumbs=${crumbs}><${Editor} key=${data.digest} name=${name} first=${data.text} digest=${data.digest} origin=${data.row.origin} draft=${`kb-draft ${name}`} /><//>`;
};

/** @param {string} text */
const checked = (text) => post("/checks", { text, feasible: false });

/** A scenario that is not saved yet: a copy of another one, under a name that is free. */
export const Write = () => {
  const from = place.value.query.get("from") || "http-east-west";
  const [found, set] = useState(/** @type {{ name: string, text: string, error: any } | null} */ (null));
  useEffect(() => {
    Promise.all([get(`/scenarios/${encodeURIComponent(from)}`), get("/scenarios")]).then(
      async ([one, all]) => {
        const taken = all.scenarios.map((/** @type {any} */ each) => each.name);
        let name = `${from}-mine`;
        for (let n = 2; taken.includes(name); n++) name = `${from}-mine-${n}`;
        const [text, before] = [one.text, await checked(one.text)];
        const next = change(text, before.lines, ["name"], name);
        const after = await checked(next);
        set({ name, text: meant(before.data, after.data, ["name"], name) ? next : text, error: null });
      },
    ).catch((error) => set({ name: from, text: "", error }));
  }, [from]);
  const crumbs = html`<a href="/scenarios">Scenarios</a> <span class="far">/ <b>A copy of ${from}</b></span>`;
  if (!found) return html`<${Shell} at="scenarios" crumbs=${crumbs}><${Reading} /><//>`;
  if (found.error) return html`<${Shell} at="scenarios" crumbs=${crumbs}><h1>A copy of ${from}</h1><${Could} error=${found.error} /><//>`;
  return html`<${Shell} at="scenarios" crumbs=${crumbs}><${Editor} name=${found.name} first=${found.text} digest="" origin="new" draft=${`kb-draft new ${from}`} /><//>`;
};
