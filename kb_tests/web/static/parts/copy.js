// A command line, and a button that copies it.
import { html, useState } from "../vendor/preact.js";

/** @param {{ text: string, label?: string }} props */
export const Command = ({ text, label = "The same in a shell" }) => {
  const [said, say] = useState("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("Select and copy");
    }
    setTimeout(() => say("Copy"), 2000);
  };
  return html`<div class="cap"><b>${label}</b><span class="end"><button class="btn quiet small" type="button" onClick=${copy}>${said}</button></span></div><pre class="cmd" tabindex="0" role="region" aria-label=${label}>${text.replaceAll(" --kb-", " \\\n  --kb-")}</pre>`;
};
