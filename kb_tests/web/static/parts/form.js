// A scenario as a form: each field is a key of the text beside it, and changes nothing else there.
import { post } from "../lib/api.js";
import { alike, at, isMapping, isPlain, leads, meant, moved, put, shown } from "../lib/edit.js";
import { append, change, items, keepsComments, list, move, scalar } from "../lib/yaml.js";
import { html, useRef, useState } from "../vendor/preact.js";
import { FORMS, NEW_PROFILE, PROFILE, TIMES } from "./fields.js";
import { Typed } from "./typed.js";

const AS_TEXT = "Edit it as text.";

/**
 * Changes of the text, one after the other: each is written when the server reads in it what was meant, and nothing
 * else; what its YAML does not allow is said.
 * @param {string} text @param {{ text: string, check: any }} known what was found in which text @param {(text: string) => void} write
 */
const useEdits = (text, known, write) => {
  const latest = useRef(text);
  latest.current = text;
  const seen = useRef(known);
  if (known.text === text) seen.current = known;
  const turn = useRef(Promise.resolve());
  const [said, say] = useState("");
  /** @param {string} text */
  const checkOf = async (text) => {
    if (seen.current.text !== text || !seen.current.check) seen.current = { text, check: await post("/checks", { text, feasible: false }) };
    return seen.current.check;
  };
  /** @param {string} what @param {(text: string, lines: any) => string} doing @param {(before: any, after: any) => boolean} right */
  const edit = (what, doing, right) => {
    const one = async () => {
      const base = latest.current;
      try {
        const before = await checkOf(base);
        const next = doing(base, before.lines);
        const after = await checkOf(next);
        if (latest.current !== base) say(`The text was changed meanwhile: ${what} was not.`);
        else if (!keepsComments(base, next) || !right(before.data, after.data)) say(`${what} cannot be changed here, in the way that this text is written. ${AS_TEXT}`);
        else {
          latest.current = next;
          if (next !== base) write(next);
          say("");
        }
      } catch (error) {
        say(/** @type {Error} */ (error).message);
      }
    };
    turn.current = turn.current.then(one);
  };
  return { edit, said };
};

/** @param {any[]} findings @param {string[]} path */
const about = (findings, path) => findings.find((one) => one.key && one.key.replace(/\[\d+\]$/, "") === path.join("."));

/**
 * @param {{ text: string, known: { text: string, check: any }, check: any, data: any, write: (text: string) => void, locked: boolean }} props
 * `data` are the keys of the last text that could be read, `check` what is known of this one, `known` of which text it is known
 */
export const Form = ({ text, known, check, data, write, locked: forbidden }) => {
  const [added, add] = useState({ label: "", text: "" });
  const { edit, said } = useEdits(text, known, write);
  const readable = !check || Object.keys(check.data).length > 0;
  const locked = forbidden || !readable || !data;
  const kind = shown(data?.kind) || "http";
  const findings = check?.findings ?? [];
  const set = (/** @type {string[]} */ path, /** @type {string} */ value, typed = /** @type {string | string[]} */ (value)) => edit(path.join(" "), (whole, lines) => change(whole, lines, path, value), (before, after) => meant(before, after, path, typed));
  /** @param {string[]} path @param {string} typed */
  const write1 = (path, typed) => set(path, typed ? scalar(typed) : "", typed);
  /** @param {import("./fields.js").Field} field */
  const input = ({ path, before, after, is, wide, label, choices, empty }) => {
    const value = at(data, path);
    const wrong = about(findings, path);
    const name = label ?? [before, after].filter(Boolean).join(" ") ?? path[path.length - 1];
    const odd = !leads(data, path) || !isPlain(value) || (is === "yes" && value !== undefined && value !== null && typeof value !== "boolean");
    if (odd) return html`${before && html`<span class="soft">${before}</span>`}<span class="soft">${is === "yes" ? after : ""} as the text says</span>`;
    if (choices) {
      const now = shown(value) || choices[0];
      return html`<select aria-label=${path.join(" ")} disabled=${locked} onChange=${(/** @type {any} */ event) => write1(path, event.target.value)}>${(choices.includes(now) ? choices : [now, ...choices]).map((one) => html`<option value=${one} selected=${one === now}>${one}</option>`)}</select>`;
    }
    if (is === "yes") return html`<label class="row"><input type="checkbox" disabled=${locked} checked=${value === true} onChange=${(/** @type {any} */ event) => set(path, event.target.checked ? "true" : "")} /> <span>${after}</span></label>`;
    return html`${before && html`<span class="soft">${before}</span>`}<${Typed} class=${`${wide ? "mid" : "x"}${wrong ? " warn" : ""}`} type="text" aria-label=${`${path.join(" ").replaceAll("_", " ")}${name ? `, ${name}` : ""}`} aria-invalid=${wrong?.level === "mistake" ? "true" : undefined} disabled=${locked} value=${shown(value)} placeholder=${empty ?? ""}
      take=${(/** @type {string} */ typed) => (is === "list" && typed.trim() ? set(path, list(typed), items(typed)) : write1(path, typed.trim()))} />${after && html`<span class="soft">${after}</span>`}`;
  };
  /** @param {string[]} path */
  const trouble = (path) => {
    const found = about(findings, path);
    if (!found) return null;
    const longer = /load\.max_duration to (\S+?),/.exec(found.sentence)?.[1];
    const tone = found.level === "mistake" ? "fail" : "inconclusive";
    return html`<div class=${`bad ${tone}`}><svg class="i" aria-hidden="true"><use href=${`#${tone}`} /></svg><span>${found.sentence}</span>
      ${!locked && longer && html`<button class="btn small" type="button" onClick=${() => write1(["load", "max_duration"], longer)}>Measure up to ${longer}</button>`}
      ${!locked && found.level === "cannot_tell" && html`<button class="btn small" type="button" onClick=${() => set(path, "")}>Drop it</button>`}</div>`;
  };
  /** @param {[string, string[]]} entry */
  const times = ([label, path]) => {
    const found = at(data, path);
    if (!leads(data, [...path, "p"]) || (found && !isMapping(found))) return html`<span class="lab">${label}</span><div class="row"><span class="soft">as the text says</span></div>${trouble(path)}`;
    const limits = Object.keys(found ?? {});
    const more = added.label === label ? added.text : "";
    return html`<span class="lab">${label}</span><div class="row">${limits.map((name) => input({ path: [...path, name], before: `${name} ≤` }))}
        ${!locked && html`<input class="x" type="text" aria-label=${`Another percentile of ${label}`} placeholder="p99.9" value=${more} onInput=${(/** @type {any} */ event) => add({ label, text: event.target.value })} /><button class="btn quiet small" type="button" disabled=${!/^p\d+(\.\d+)?$/.test(more) || limits.includes(more)} onClick=${() => { write1([...path, more], "100ms"); add({ label: "", text: "" }); }}>Add</button>`}</div>
      ${limits.map((name) => trouble([...path, name]))}`;
  };
  if (!readable && !data) return html`<form aria-label="Scenario as a form"><p class="alert inconclusive small" role="status"><svg class="i" aria-hidden="true"><use href="#inconclusive" /></svg><span>The text is no YAML of one scenario, so that no form can show it. ${AS_TEXT}</span></p></form>`;
  return html`<form aria-label="Scenario as a form" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${!readable && html`<p class="alert inconclusive small" role="status"><svg class="i" aria-hidden="true"><use href="#inconclusive" /></svg><span>The text is no YAML of one scenario just now; below is what it said before. ${AS_TEXT}</span></p>`}
    ${said && html`<p class="alert inconclusive small" role="status"><svg class="i" aria-hidden="true"><use href="#inconclusive" /></svg><span>${said}</span></p>`}
    <fieldset class="form"><legend class="hidden">Scenario</legend>
      <span class="lab">Name</span><div class="row">${input({ path: ["name"], wide: true })}<span class="tag">${kind}</span></div>${trouble(["name"])}
      <span class="lab">Description</span><div class="row"><${Typed} class="full" type="text" aria-label="Description" disabled=${locked} value=${shown(data?.description)} take=${(/** @type {string} */ typed) => write1(["description"], typed.trim())} /></div></fieldset>
    ${(Object.hasOwn(FORMS, kind) ? FORMS[kind] : []).map(({ title, rows }) => html`<fieldset class="form" key=${title}><legend>${title}</legend>
      ${title === "SLA" && TIMES[kind].map(times)}
      ${title === "Load" && kind === "storage" && html`<${Profiles} data=${data} edit=${edit} write1=${write1} locked=${locked} />`}
      ${rows.filter((row) => !row.there || at(data, row.fields[0].path) !== undefined).map((row) => html`<span class="lab">${row.label}</span><div class="row">${row.fields.map(input)}</div>${row.fields.map((one) => trouble(one.path))}`)}</fieldset>`)}
  </form>`;
};

/** @param {{ data: any, edit: (what: string, doing: (text: string, lines: any) => string, right: (before: any, after: any) => boolean) => void, write1: (path: string[], typed: string) => void, locked: boolean }} props */
const Profiles = ({ data, edit, write1, locked }) => {
  const path = ["load", "profiles"];
  const of = path.join(".");
  const found = at(data, path) ?? [];
  if (!Array.isArray(found) || !found.every(isMapping)) return html`<span class="lab">Profiles</span><div class="row"><span class="soft">as the text says</span></div>`;
  /** @param {number} from @param {number} to */
  const go = (from, to) => edit("The order of profiles", (text, lines) => move(text, lines, of, from, to), (before, after) => alike(after, put(before, path, moved(at(before, path), from, to))));
  const one = () => edit("The list of profiles", (text, lines) => append(text, lines, of, NEW_PROFILE), (before, after) => { const [now, then] = [at(after, path), at(before, path)]; return now?.length === then?.length + 1 && alike(before, put(after, path, now.slice(0, -1))); });
  return html`<span class="lab">Profiles</span><div class="scroll" tabindex="0" role="region" aria-label="Profiles, run one after the other"><table class="profiles"><thead><tr>${PROFILE.map(([, label]) => html`<th>${label}</th>`)}<th><span class="hidden">Order</span></th></tr></thead><tbody>
    ${found.map((/** @type {any} */ profile, /** @type {number} */ i) => html`<tr>${PROFILE.map(([key, label]) => html`<td>${isPlain(profile[key]) ? html`<${Typed} class=${key === "name" ? "mid" : key === "mode" ? "x wider" : "x"} type="text" aria-label=${`${label} of profile ${i + 1}`} disabled=${locked} value=${shown(profile[key])} take=${(/** @type {string} */ typed) => write1([...path, String(i), key], typed.trim())} />` : html`<span class="soft">as the text says</span>`}</td>`)}
      <td class="nowrap">${!locked && html`<button class="btn quiet small" type="button" aria-label=${`Profile ${i + 1} earlier`} disabled=${i === 0} onClick=${() => go(i, i - 1)}>↑</button><button class="btn quiet small" type="button" aria-label=${`Profile ${i + 1} later`} disabled=${i === found.length - 1} onClick=${() => go(i, i + 1)}>↓</button><button class="btn quiet small" type="button" aria-label=${`Remove profile ${i + 1}`} disabled=${found.length === 1} onClick=${() => go(i, -1)}>×</button>`}</td></tr>`)}
    </tbody></table>${!locked && html`<button class="btn quiet small" type="button" onClick=${one}>Add a profile</button>`}</div>`;
};
