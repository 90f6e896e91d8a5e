// A new run: which cloud, which points, with which options; what that takes in words, and the same command line.
import { post } from "../lib/api.js";
import { files } from "../lib/called.js";
import { lacks } from "../lib/lacks.js";
import { Could, Reading, useData } from "../lib/load.js";
import { ask, place } from "../lib/route.js";
import { many, number, spaced, took } from "../lib/words.js";
import { Command } from "../parts/copy.js";
import { ROOM, Room, useRoom } from "../parts/room.js";
import { Shell } from "../parts/shell.js";
import { Start } from "../parts/start.js";
import { Typed } from "../parts/typed.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Facts } from "./run.js";

/** Options in the address, and in which form the API takes them. @type {[string, string, string][]} */
const NAMES = [
  ["image", "Image", "kb-node"],
  ["flavor", "Flavor", "one made for the run"],
  ["external_network", "External network", "the only one"],
  ["network", "Existing network", "one of the run's own"],
  ["router", "Existing router", "one of the run's own"],
  ["availability_zone", "Availability zone", "Nova chooses"],
];
const SWITCHES = [
  ["existing_project", "stage in the project that clouds.yaml names"],
  ["packages", "servers install what their image lacks"],
  ["config_drive", "user_data on a disk"],
];

/** What the address asks for, as POST /plans takes it. @param {URLSearchParams} query */
export const wanted = (query) => {
  const options = Object.fromEntries([
    ...NAMES.map(([key]) => [key, query.get(key) ?? ""]).filter(([, value]) => value),
    ...SWITCHES.filter(([key]) => query.get(key)).map(([key]) => [key, true]),
    ...(query.get("inconclusive") === "pass" ? [["inconclusive", "pass"]] : []),
    ...(query.get("no_floating_ip") ? [["floating_ip", false]] : []),
  ]);
  const asked = { cloud: query.get("cloud") ?? "", testing_cloud: query.get("testing") ?? "", scenarios: query.getAll("scenario"), points: query.getAll("point"), keep: Boolean(query.get("keep")), reuse: query.get("reuse") ?? "", options };
  return query.get("mode") === "stage" ? { ...asked, mode: "stage", points: [], keep: false, reuse: "" } : { ...asked, mode: "run" };
};

/** The plan for what is asked, made anew when that changes. @param {any} asked */
const usePlan = (asked) => {
  const key = JSON.stringify(asked);
  const [found, set] = useState(/** @type {{ key: string, plan: any, error: any }} */ ({ key: "", plan: null, error: null }));
  useEffect(() => {
    if (!asked.scenarios.length) return;
    const stop = new AbortController();
    post("/plans", asked, {}, stop.signal).then(
      (plan) => set({ key, plan, error: null }),
      (error) => stop.signal.aborted || set({ key, plan: null, error }),
    );
    return () => stop.abort();
  }, [key]);
  const there = asked.scenarios.length > 0;
  return { plan: there ? found.plan : null, error: there && found.key === key ? found.error : null, fresh: found.key === key };
};

/** What a session is called: by its scenarios, once it has said them. @param {any[]} sessions @param {string} sid */
const called = (sessions, sid) => sessions.find((one) => one.sid === sid)?.scenarios.join(", ") || `session ${sid}`;

/** Which of the clouds that are meant carry a load now, and whose. @param {{ clouds: any[], asked: any, sessions: any[] }} props */
const Busy = ({ clouds, asked, sessions }) => [asked.cloud, ...(asked.testing_cloud ? [asked.testing_cloud] : [])].map((name) => {
  const sid = clouds.find((one) => one.name === name)?.loaded_by;
  return sid ? html`<div class="alert running small" key=${name}><svg class="i" aria-hidden="true"><use href="#running" /></svg><p><b>${name || "The embedded cloud"} is loaded</b> by <a href=${`/sessions/${sid}`}>${called(sessions, sid)}</a>. Two loads at a time would measure each other: wait for its end, or stop it.</p></div>` : null;
});

/** @param {{ clouds: any, query: URLSearchParams, sessions: any[], kept: any[] }} props */
const Where = ({ clouds, query, sessions, kept }) => {
  const cloud = query.get("cloud") ?? "";
  const reuse = query.get("reuse") ?? "";
  const named = clouds.clouds.filter((/** @type {any} */ one) => !one.embedded && one.name !== cloud);
  return html`<section aria-labelledby="h-cloud"><div class="sec"><h2 id="h-cloud">Cloud</h2><p>from clouds.yaml</p></div>
    <div class="pick" role="radiogroup" aria-labelledby="h-cloud">${clouds.clouds.map((/** @type {any} */ one) => html`<label><input type="radio" name="cloud" checked=${cloud === one.name} onChange=${() => ask({ cloud: one.name, testing: "", reuse: "" })} />
      <span>${one.embedded ? html`<b>embedded</b> <span class="soft">a small cloud on this machine; it proves the tool, not a cloud</span>` : html`<b>${one.name}</b>`}</span>
      <span>${one.loaded_by && html`<span class="o running"><svg class="i" aria-hidden="true"><use href="#running" /></svg>busy</span> <a class="small" href=${`/sessions/${one.loaded_by}`}>${called(sessions, one.loaded_by)}</a>`}</span></label>`)}</div>
    ${clouds.fault && html`<p class="small fail">${clouds.fault}</p>`}
    ${cloud && named.length > 0 && html`<p class="small"><label class="row">Load it from <select onChange=${(/** @type {any} */ event) => ask({ testing: event.target.value })}><option value="">itself</option>${named.map((/** @type {any} */ one) => html`<option value=${one.name} selected=${one.name === query.get("testing")}>${one.name}, a cloud of its own</option>`)}</select></label></p>`}
    ${kept.length > 0 && html`<p class="small"><label class="row">On <select onChange=${(/** @type {any} */ event) => ask({ reuse: event.target.value, testing: kept.find((one) => one.run === event.target.value)?.clouds[1] ?? "" })}><option value="">a topology that is staged for it</option>${kept.map((one) => html`<option value=${one.run} selected=${one.run === reuse}>what run ${one.run} left, of ${one.scenario}</option>`)}</select></label></p>`}
  </section>`;
};

/** @param {{ scenarios: any[], query: URLSearchParams, plan: any }} props */
const Points = ({ scenarios, query, plan }) => {
  const picked = query.getAll("scenario");
  const points = query.getAll("point");
  /** @param {string} name @param {boolean} on */
  const scenario = (name, on) => ask({ scenario: on ? [...picked, name] : picked.filter((one) => one !== name), point: [] });
  /** @param {string} id @param {boolean} on */
  const point = (id, on) => {
    const all = plan.points.map((/** @type {any} */ one) => one.id);
    const now = points.length ? points : all;
    const next = on ? all.filter((/** @type {string} */ one) => now.includes(one) || one === id) : now.filter((/** @type {string} */ one) => one !== id);
    ask({ point: next.length === all.length ? [] : next });
  };
  const of = (/** @type {string} */ name) => (plan?.points ?? []).filter((/** @type {any} */ one) => one.scenario === name);
  const chosen = (plan?.points ?? []).filter((/** @type {any} */ one) => one.chosen).length;
  return html`<section aria-labelledby="h-points"><div class="sec"><h2 id="h-points">Points</h2><p>${query.get("mode") === "stage" ? "none is run: what is staged can be loaded later" : plan ? `${chosen} of ${plan.points.length} chosen, in this order` : "choose a scenario"}</p></div>
    <ul class="tree">${picked.filter((name) => !scenarios.some((one) => one.name === name)).map((name) => html`<li key=${name}><label><input type="checkbox" checked onChange=${() => scenario(name, false)} /> <b>${name}</b><span class="amt">is not here</span></label></li>`)}${scenarios.map((one) => html`<li key=${one.name}><label><input type="checkbox" disabled=${Boolean(one.fault) && !picked.includes(one.name)} checked=${picked.includes(one.name)} onChange=${(/** @type {any} */ event) => scenario(one.name, event.target.checked)} /> <b>${one.name}</b><span class="amt">${one.fault ? html`<a href=${`/scenarios/${one.name}`}>cannot be run</a>` : `${many(one.points, "point")}, ${many(one.servers, "server")}`}</span></label>
      ${picked.includes(one.name) && query.get("mode") !== "stage" && of(one.name).length > 1 && html`<ul class="two">${of(one.name).map((/** @type {any} */ p) => html`<li key=${p.id}><label title=${p.id}><input type="checkbox" checked=${p.chosen} disabled=${p.chosen && chosen === 1} onChange=${(/** @type {any} */ event) => point(p.id, event.target.checked)} /> ${p.how}<span class="amt">${p.load}</span></label></li>`)}</ul>`}</li>`)}</ul></section>`;
};

/** @param {{ query: URLSearchParams, has: any }} props */
const Options = ({ query, has }) => {
  const set = (/** @type {string} */ key) => (/** @type {string} */ text) => ask({ [key]: text });
  const lists = /** @type {Record<string, string[]>} */ ({ image: names(has?.images), flavor: names(has?.flavors), external_network: names(has?.networks?.filter((/** @type {any} */ one) => one.external)), network: names(has?.networks?.filter((/** @type {any} */ one) => !one.external)), router: names(has?.routers), availability_zone: names(has?.zones) });
  /** @param {[string, string, string]} entry */
  const field = ([key, label, empty]) => html`<label for=${`o-${key}`}>${label}</label>
    <div class="row"><${Typed} id=${`o-${key}`} class="mid" type="text" list=${`l-${key}`} value=${query.get(key) ?? ""} placeholder=${empty} take=${set(key)} /><datalist id=${`l-${key}`}>${lists[key].map((name) => html`<option value=${name}></option>`)}</datalist></div>`;
  /** @param {string} key @param {string[][]} choices @param {string} label */
  const seg = (key, choices, label) => html`<span class="lab">${label}</span><div class="row"><span class="seg" role="group" aria-label=${label}>${choices.map(([value, text]) => html`<button aria-pressed=${(query.get(key) ?? "") === value} onClick=${() => ask({ [key]: value })}>${text}</button>`)}</span></div>`;
  const rest = NAMES.slice(1);
  const used = [...rest.map(([key]) => key), ...SWITCHES.map(([key]) => key), "no_floating_ip"].filter((key) => query.get(key));
  return html`<section aria-labelledby="h-options"><div class="sec"><h2 id="h-options">Options</h2><p>what is left empty is chosen by the suite</p></div>
    <div class="form">${field(NAMES[0])}
      ${query.get("mode") !== "stage" && html`${seg("keep", [["", "remove everything"], ["1", "keep for another load"]], "After the run")}
      ${seg("inconclusive", [["", "exit code 10"], ["pass", "let it pass"]], "If inconclusive")}`}</div>
    <details open=${used.length > 0}><summary>Existing network, router, flavor, project, and the way to the servers (${rest.length + SWITCHES.length + 1} more)</summary>
      <div class="form">${rest.map(field)}
        ${[...SWITCHES, ["no_floating_ip", "the proxy gets no floating IP"]].map(([key, text]) => html`<span class="lab"></span><label class="row"><input type="checkbox" checked=${Boolean(query.get(key))} onChange=${(/** @type {any} */ event) => ask({ [key]: event.target.checked ? "1" : "" })} /> <span>${text}</span></label>`)}</div></details></section>`;
};

/** @param {any[]} [found] */
const names = (found) => (found ?? []).map((one) => one.name);

export const New = () => {
  const query = place.value.query;
  const scenarios = useData("/scenarios");
  const clouds = useData("/clouds", 5);
  const version = useData("/version").data;
  const sessions = useData("/sessions", 5).data?.sessions ?? [];
  const named = scenarios.data ? files(scenarios.data.scenarios, query.getAll("scenario")) : [];
  useEffect(() => {
    if (scenarios.data && `${named}` !== `${query.getAll("scenario")}`) ask({ scenario: named });
  });
  const asked = { ...wanted(query), scenarios: named };
  const kept = (useData("/kept", 15).data?.kept ?? []).filter((/** @type {any} */ one) => one.cloud === asked.cloud);
  const { plan, error, fresh } = usePlan(asked);
  const room = useRoom(asked.cloud);
  const crumbs = html`<a href="/runs">Runs</a> <span class="far">/ <b>New run</b></span>`;
  if (!scenarios.data || !clouds.data) return html`<${Shell} at="new" crumbs=${crumbs}><h1>New run</h1>${scenarios.error ? html`<${Could} error=${scenarios.error} again=${scenarios.again} />` : html`<${Reading} />`}<//>`;
  const may = version?.starts && version.role === "operator";
  const ready = Boolean(plan) && fresh && !error && plan.refusals.length === 0;
  return html`<${Shell} at="new" crumbs=${crumbs}>
    <div class="page-head"><div><h1>New run</h1></div></div>
    <div class="cols"><div class="c7">
      <${Where} clouds=${clouds.data} query=${query} sessions=${sessions} kept=${kept} />
      <${Points} scenarios=${scenarios.data.scenarios} query=${query} plan=${plan} />
      <${Options} query=${query} has=${room.data} /></div>
      <aside class="c5 order" aria-labelledby="h-cost"><div class="panel"><h2 id="h-cost" class="hidden">What it takes</h2>
        ${error && html`<${Could} error=${error} />`}
        ${plan ? html`<p class="cost">${spaced(plan.sentence)}</p><${Facts} one pairs=${asked.mode === "stage" ? daily(plan) : facts(plan)} />` : !error && html`<p class="cost soft">${asked.scenarios.length ? "Reckoning what it takes." : "Choose a scenario: what it takes will stand here."}</p>`}
        ${plan?.refusals.map((/** @type {string} */ text) => html`<div class="alert fail small"><svg class="i" aria-hidden="true"><use href="#fail" /></svg><p>${text}</p></div>`)}
        <${Busy} clouds=${clouds.data.clouds} asked=${asked} sessions=${sessions} />
        ${lacks(asked, plan, room.data && { ...room.data, unlisted: room.whole?.unlisted }, (name) => ROOM[name]?.[0] ?? name).map((text) => html`<div class="alert inconclusive small"><svg class="i" aria-hidden="true"><use href="#inconclusive" /></svg><p>${text}</p></div>`)}
        <${Room} of=${room} cloud=${asked.cloud} needs=${asked.reuse ? undefined : plan?.needs} small />
        ${may ? html`<div class="actions"><${Start} asked=${asked} digest=${plan?.digest} text=${asked.mode === "stage" ? "Stage and keep" : asked.reuse ? "Load what is kept" : plan ? `Run on ${many(plan.needs.servers, "server")}` : "Run"} disabled=${!ready} />
            ${!asked.reuse && html`<button class="btn" onClick=${() => ask({ mode: asked.mode === "stage" ? "" : "stage" })}>${asked.mode === "stage" ? "Run points, too" : "Stage only"}</button>`}
            ${ready && html`<span class="small soft">what you see is what runs: plan ${plan.digest.slice(0, 8)}</span>`}</div>` : version && html`<p class="soft">${version.starts ? "This token may look, and start nothing." : "This kb ui starts nothing: it was started with --read-only."}</p>`}
        ${asked.cloud && html`<p class="small"><a href=${`/clouds/${encodeURIComponent(asked.cloud)}${asked.scenarios.length ? `?scenario=${asked.scenarios[0]}` : ""}`}>Ask ${asked.cloud} first whether anything is in the way</a></p>`}
        ${plan && html`<${Command} text=${plan.command} />`}</div></aside></div><//>`;
};

/** What a day costs. @param {any} plan @returns {[string, string][]} */
const daily = (plan) => [
  ["Server hours, if it stays a day", number(plan.needs.servers * 24)],
  ["vCPU hours, if it stays a day", number(plan.needs.vcpus * 24)],
  ["Floating IPs", number(plan.needs.floating_ips)],
];

/** @param {any} plan @returns {[string, string][]} */
const facts = (plan) => {
  const hours = (/** @type {number} */ count) => [plan.shortest, plan.longest].map((one) => number((count * one) / 3600)).filter((text, i, all) => !i || text !== all[0]).join(" to ");
  return [
    ["Server hours of load", hours(plan.needs.servers)],
    ["vCPU hours of load", hours(plan.needs.vcpus)],
    ["Floating IPs", number(plan.needs.floating_ips)],
    ...(plan.needs.volumes ? /** @type {[string, string][]} */ ([["Volumes", `${plan.needs.volumes}, ${plan.needs.gibibytes} GiB`]]) : []),
    ["Data moved", plan.moved],
    ["Load lasts", plan.shortest === plan.longest ? took(plan.shortest) : `${took(plan.shortest)} to ${took(plan.longest)}`],
    ["Before and after", "staging and removal, minutes each"],
  ];
};
