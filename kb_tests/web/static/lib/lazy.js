// A page whose code comes when it is first looked at.
import { html, useEffect, useState } from "../vendor/preact.js";

/** @param {() => Promise<any>} load a module @param {string} name of what it exports @returns {any} */
export const lazy = (load, name) => {
  /** @type {any} */
  let found = null;
  return (/** @type {any} */ props) => {
    const [failed, fail] = useState(false);
    const [, there] = useState(0);
    useEffect(() => {
      if (found) return;
      load().then(
        (module) => {
          found = module[name];
          there(1);
        },
        () => fail(true),
      );
    }, []);
    if (found) return html`<${found} ...${props} />`;
    return failed ? html`<main id="main"><h1>This page's code did not come.</h1><p>kb ui has ended, or was renewed. Start it, and <a href=${location.href}>load this page again</a>.</p></main>` : null;
  };
};
