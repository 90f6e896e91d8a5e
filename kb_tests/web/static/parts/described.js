// A chart as the server describes it: caption, picture by its kind, the same as a table.
import { drawable, plot } from "../charts/plot.js";
import { strips } from "../charts/strips.js";
import { spaced } from "../lib/words.js";
import { html } from "../vendor/preact.js";
import { Figure, Plot } from "./chart.js";

const KINDS = /** @type {Record<string, (host: HTMLElement, data: any) => void>} */ ({ plot, strips });

/** @param {{ of: any, end?: any }} props */
export const Chart = ({ of, end }) => {
  if (of.kind === "plot" && !drawable(of)) return null;
  const table = { columns: of.table.columns, rows: of.table.rows.map((/** @type {string[]} */ row) => row.map(spaced)) };
  return html`<${Figure} title=${of.title} says=${spaced(of.says)} table=${table} end=${end}><${Plot} draw=${KINDS[of.kind]} data=${of} /><//>`;
};
