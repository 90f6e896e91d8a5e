// Where a chart stands: caption, picture, and the same as a table; drawn on data, width and colours only.
import { tellWidth, widthOf } from "../charts/draw.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";

/**
 * A picture of the width that its place has; with `free`, as wide as it draws itself.
 * @param {{ draw: (host: HTMLElement, data: any, look: any) => void, data: any, look?: any, label?: string, cls?: string, free?: boolean }} props
 */
export const Plot = ({ draw, data, look = {}, label, cls = "plot", free = false }) => {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [size, resized] = useState(0);
  // What a picture calls is that of the last rendering, without being drawn anew for it.
  const held = useRef(/** @type {any} */ ({}));
  Object.assign(held.current, { brush: undefined }, look);
  useLayoutEffect(() => {
    const host = ref.current;
    if (!host || (!widthOf(host) && !free)) return;
    host.replaceChildren();
    draw(host, data, held.current);
  }, [draw, data, size, look.height, String(look.brush), String(look.lanes)]);
  useEffect(() => {
    const host = /** @type {HTMLElement} */ (ref.current);
    let width = host.clientWidth;
    const seen = new ResizeObserver(() => {
      tellWidth(host, host.clientWidth);
      if (host.clientWidth !== width) {
        width = host.clientWidth;
        resized(width);
      }
    });
    seen.observe(host);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => resized((before) => before + 1e-6);
    dark.addEventListener("change", redraw);
    return () => {
      seen.disconnect();
      dark.removeEventListener("change", redraw);
    };
  }, []);
  const focus = look.onRead ? { tabIndex: 0, role: "group", "aria-label": `${label}. Arrow keys read single seconds.` } : {};
  return html`<div class=${cls} ref=${ref} data-width=${size} ...${focus}></div>`;
};

const PAGE = 50;

/**
 * Rows that are many and change often are given as a function, which is called where the table is looked at.
 * @param {{ title: string, says?: any, table?: { columns: string[], rows: (string | number)[][] | (() => (string | number)[][]) }, children: any, end?: any }} props
 */
export const Figure = ({ title, says, table, children, end }) => {
  const [open, set] = useState(false);
  const [page, turn] = useState(0);
  const rows = !open || !table ? [] : typeof table.rows === "function" ? table.rows() : table.rows;
  const pages = Math.ceil(rows.length / PAGE);
  return html`<figure>
    <figcaption><b>${title}</b> <span>${says}</span>
      <span class="end">${end}${table && html`<button class="astable" aria-pressed=${open} onClick=${() => set(!open)}>${open ? "as picture" : "as table"}</button>`}</span>
    </figcaption>
    ${open && table
      ? html`<div class="scroll" tabindex="0" role="region" aria-label=${title}><table>
          <thead><tr>${table.columns.map((name, i) => html`<th class=${i ? "num" : ""}>${name}</th>`)}</tr></thead>
          <tbody>${rows.slice(page * PAGE, page * PAGE + PAGE).map((row) => html`<tr>${row.map((cell, i) => html`<td class=${i ? "num" : ""}>${cell}</td>`)}</tr>`)}</tbody>
        </table></div>
        ${pages > 1 && html`<p class="actions"><button class="btn small" disabled=${page === 0} onClick=${() => turn(page - 1)}>Before</button><span class="small soft">${page + 1} of ${pages}</span><button class="btn small" disabled=${page + 1 >= pages} onClick=${() => turn(page + 1)}>Next</button></p>`}`
      : children}
  </figure>`;
};

export const Ramp = () => html`<span class="key">few <span class="ramp" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i><i></i><i></i></span> many</span>`;
