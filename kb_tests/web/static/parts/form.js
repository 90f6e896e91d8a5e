// A scenario as a form: each field is a key of the text beside it, and changes nothing else there.
import { append, change, list, move, scalar } from "../lib/yaml.js";
import { html, useState } from "../vendor/preact.js";
import { FORMS, NEW_PROFILE, PROFILE, TIMES } from "./fields.js";

/** @param {any} data @param {string[]} path */
const at = (data, path) => path.reduce((found, key) => found?.[key], data);

/** @param {any} value */
const shown = (value) => (value === undefined || value === null ? "" : Array.isArray(value) ? value.join(", ") : typeof value === "object" ? "" : String(value));

/** @param {any[]} findings @param {string[]} path */
const about = (findings, path) => findings.find((one) => one.key && one.key.replace(/\[\d+\]$/, "") === path.join("."));

/**
 * @param {{ text: string, check: any, data: any, write: (text: string) => void, locked: boolean }} props
 * `data` are the keys of the last text that could be read, `check` what is known of this one
 */
export const Form = ({ text, check, data, write, locked }) => {
  const [more, add] = useState("");
  const kind = data?.kind ?? "http";
  const findings = check?.findings ?? [];
  const lines = check?.lines ?? {};
  const set = (/** @type {string[]} */ path, /** @type {string} */ value) => write(change(text, lines, path, value));
  /** @param {import("./fields.js").Field} field */
  const input = ({ path, before, after, is, wide, label, choices, empty }) => {
    const value = at(data, path);
    const wrong = about(findings, path);
    const name = label ?? [before, after].filter(Boolean).join(" ") ?? path[path.length - 1];
    if (choices) return html`<select aria-label=${path.join(" ")} disabled=${locked} onChange=${(/** @type {any} */ event) => set(path, event.target.value)}>${choices.map((one) => html`<option value=${one} selected=${one === (value ?? choices[0])}>${one}</option>`)}</select>`;
    if (is === "yes") return html`<label class="row"><input type="checkbox" disabled=${locked} checked=${value === true} onChange=${(/** @type {any} */ event) => set(path, event.target.checked ? "true" : "")} /> <span>${after}</span></label>`;
    return html`${before && html`<span class="soft">${before}</span>`}<input class=${`${wide ? "mid" : "x"}${wrong ? " warn" : ""}`} type="text" aria-label=${`${path.join(" ").replaceAll("_", " ")}${name ? `, ${name}` : ""}`} aria-invalid=${wrong?.level === "mistake" ? "true" : undefined} disabled=${locked} value=${shown(value)} placeholder=${empty ?? ""}
      onChange=${(/** @type {any} */ event) => set(path, event.target.value.trim() ? (is === "list" ? list(event.target.value) : scalar(event.target.value.trim())) : "")} />${after && html`<span class="soft">${after}</span>`}`;
  };
  /** @param {string[]} path */
  const trouble = (path) => {
    const found = about(findings, path);
    if (!found) return null;
    const longer = /load\.max_duration to (\S+?),/.exec(found.sentence)?.[1];
    const tone = found.level === "mistake" ? "fail" : "inconclusive";
    return html`<div class=${`bad ${tone}`}><svg class="i" aria-hidden="true"><use href=${`#${tone}`} /></svg><span>${found.sentence}</span>
      ${!locked && longer && html`<button class="btn small" type="button" onClick=${() => set(["load", "max_duration"], longer)}>Measure up to ${longer}</button>`}
      ${!locked && found.level === "cannot_tell" && html`<button class="btn small" type="button" onClick=${() => set(path, "")}>Drop it</button>`}</div>`;
  };
  /** @param {[string, string[]]} entry */
  const times = ([label, path]) => {
    const limits = Object.keys(at(data, path) ?? {});
    return html`<span class="lab">${label}</span><div class="row">${limits.map((name) => input({ path: [...path, name], before: `${name} ≤` }))}
        ${!locked && html`<input class="x" type="text" aria-label=${`Another percentile of ${label}`} placeholder="p99.9" value=${more} onInput=${(/** @type {any} */ event) => add(event.target.value)} /><button class="btn quiet small" type="button" disabled=${!/^p\d+(\.\d+)?$/.test(more) || limits.includes(more)} onClick=${() => { set([...path, more], "100ms"); add(""); }}>Add</button>`}</div>
      ${limits.map((name) => trouble([...path, name]))}`;
  };
  return html`<form aria-label="Scenario as a form" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <fieldset class="form"><legend class="hidden">Scenario</legend>
      <span class="lab">Name</span><div class="row">${input({ path: ["name"], wide: true })}<span class="tag">${kind}</span></div>${trouble(["name"])}
      <span class="lab">Description</span><div class="row"><input class="full" type="text" aria-label="Description" disabled=${locked} value=${shown(data?.description)} onChange=${(/** @type {any} */ event) => set(["description"], event.target.value.trim() ? scalar(event.target.value.trim()) : "")} /></div></fieldset>
    ${(FORMS[kind] ?? []).map(({ title, rows }) => html`<fieldset class="form" key=${title}><legend>${title}</legend>
      ${title === "SLA" && TIMES[kind].map(times)}
      ${title === "Load" && kind === "storage" && html`<${Profiles} text=${text} lines=${lines} data=${data} write=${write} locked=${locked} />`}
      ${rows.map((row) => html`<span class="lab">${row.label}</span><div class="row">${row.fields.map(input)}</div>${row.fields.map((one) => trouble(one.path))}`)}</fieldset>`)}
  </form>`;
};

/** @param {{ text: string, lines: any, data: any, write: (text: string) => void, locked: boolean }} props */
const Profiles = ({ text, lines, data, write, locked }) => {
  const profiles = data?.load?.profiles ?? [];
  const of = "load.profiles";
  return html`<span class="lab">Profiles</span><div class="scroll" tabindex="0" role="region" aria-label="Profiles, run one after the other"><table class="profiles"><thead><tr>${PROFILE.map(([, label]) => html`<th>${label}</th>`)}<th><span class="hidden">Order</span></th></tr></thead><tbody>
    ${profiles.map((/** @type {any} */ one, /** @type {number} */ i) => html`<tr>${PROFILE.map(([key, label]) => html`<td><input class=${key === "name" ? "mid" : key === "mode" ? "x wider" : "x"} type="text" aria-label=${`${label} of profile ${i + 1}`} disabled=${locked} value=${shown(one[key])} onChange=${(/** @type {any} */ event) => write(change(text, lines, ["load", "profiles", String(i), key], event.target.value.trim() ? scalar(event.target.value.trim()) : ""))} /></td>`)}
      <td class="nowrap">${!locked && html`<button class="btn quiet small" type="button" aria-label=${`Profile ${i + 1} earlier`} disabled=${i === 0} onClick=${() => write(move(text, lines, of, i, i - 1))}>↑</button><button class="btn quiet small" type="button" aria-label=${`Profile ${i + 1} later`} disabled=${i === profiles.length - 1} onClick=${() => write(move(text, lines, of, i, i + 1))}>↓</button><button class="btn quiet small" type="button" aria-label=${`Remove profile ${i + 1}`} disabled=${profiles.length === 1} onClick=${() => write(move(text, lines, of, i, -1))}>×</button>`}</td></tr>`)}
    </tbody></table>${!locked && html`<button class="btn quiet small" type="button" onClick=${() => write(append(text, lines, of, NEW_PROFILE))}>Add a profile</button>`}</div>`;
};
