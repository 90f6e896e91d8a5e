// Pages of one kind beside each other.
import { html } from "../vendor/preact.js";

/** @param {{ label: string, at: string, tabs: [string, string][] }} props */
export const Tabs = ({ label, at, tabs }) => html`<nav class="tabs" aria-label=${label}>${tabs.map(([name, href]) => html`<a href=${href} aria-current=${at === name ? "page" : undefined}>${name}</a>`)}</nav>`;
