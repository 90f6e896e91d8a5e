// Rail, top bar and tab bar: on every page the same, with the session that runs and its Stop.
import { lives } from "../lib/ended.js";
import { coded, useData } from "../lib/load.js";
import { rail } from "../lib/route.js";
import { many } from "../lib/words.js";
import { html } from "../vendor/preact.js";
import { Icon, word } from "./outcome.js";
import { Stop } from "./stop.js";

/** @param {{ at: string, crumbs: any, children: any, hears?: boolean, state?: Record<string, string> }} props `hears`: the page says itself when the server is not heard; `state`: where sessions stand, as far as it knows that sooner */
export const Shell = ({ at, crumbs, children, hears = false, state = {} }) => {
  const version = useData("/version").data;
  const polled = useData("/sessions", 3);
  const sessions = polled.data?.sessions ?? [];
  const live = sessions.filter(lives).map((/** @type {any} */ one) => ({ ...one, state: state[one.sid] ?? one.state }));
  const item = (/** @type {{ icon: string, name: string, address: string }} */ { icon, name, address }) => html`<a href=${address} title=${name} aria-current=${at === icon ? "page" : undefined}><${Icon} name=${`n-${icon}`} />${name}</a>`;
  return html`
    <a class="skip" href="#main">Skip to content</a>
    <nav class="rail" aria-label="Main">
      <a class="brand" href="/"><svg width="20" height="20" aria-hidden="true"><use href="#logo" /></svg>kb_tests</a>
      <ul>${rail().map((page) => html`<li>${item(page)}</li>`)}</ul>
      <footer>${location.host}<br />${version ? `${version.role}` : ""}<br />${version ? `version ${version.version} · ` : ""}<a class="plain" href="/about">About</a></footer>
    </nav>
    <header class="top"><div class="crumbs">${crumbs}</div>
      ${live.length > 0 && html`<div class="now" role="group" aria-label="Running now">
        ${live.slice(0, 1).map((/** @type {any} */ one) => html`
          <a class="chip" href=${`/sessions/${one.sid}`}><span class="o running"><${Icon} name="running" pulse /></span><b>${word(one.state)}</b><span class="far">${one.scenarios.join(", ") || one.sid}</span>${live.length > 1 && html`<span class="far soft">and ${many(live.length - 1, "other")}</span>`}</a>
          ${version?.starts && version.role === "operator" && html`<${Stop} key=${one.sid} session=${one} />`}`)}
      </div>`}
    </header>
    <main id="main" tabindex="-1">${!hears && polled.data && polled.error && html`<${Stale} error=${polled.error} />`}${children}</main>
    <nav class="tabbar" aria-label="Main, small screens">${rail().slice(0, 5).map(item)}</nav>
    <div class="hidden" aria-live="polite" id="said"></div>`;
};

/** What stands on the page is of before. @param {{ error: any }} props */
const Stale = ({ error }) => html`<div class="alert inconclusive" role="status"><${Icon} name="note" /><p><b>${coded(error.message)}</b> ${error.status === 401 ? "What stands here is of before: open the address that kb ui prints." : "What stands here is of before; it is asked again every few seconds."}</p></div>`;

/** Says a verdict to who cannot see it; seconds are not said. @param {string} text */
export const say = (text) => {
  const said = document.getElementById("said");
  if (said && said.textContent !== text) said.textContent = text;
};
