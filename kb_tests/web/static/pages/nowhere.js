// An address that is none.
import { Shell } from "../parts/shell.js";
import { html } from "../vendor/preact.js";

export const Nowhere = () => html`<${Shell} at="" crumbs=${html`<b>Nowhere</b>`}><h1>There is nothing at this address.</h1><p class="lead">Begin at the <a href="/">overview</a>.</p><//>`;
