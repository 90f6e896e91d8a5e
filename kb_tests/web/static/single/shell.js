// Around a page in a file of its own: where one is, and nothing of a server.
import { html } from "../vendor/preact.js";

/** @param {{ crumbs: any, children: any }} props */
export const Shell = ({ crumbs, children }) => html`
  <a class="skip" href="#main">Skip to content</a>
  <header class="top"><div class="crumbs">${crumbs}</div></header>
  <main id="main" tabindex="-1">${children}</main>
  <div class="hidden" aria-live="polite" id="said"></div>`;

/** @param {string} text */
export const say = (text) => {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
};
