// How much room a cloud has by its quotas: used, what a run would take, free. The cloud is asked, nothing is made.
import { quota } from "../charts/quota.js";
import { get } from "../lib/api.js";
import { Could } from "../lib/load.js";
import { number } from "../lib/words.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Plot } from "./chart.js";

export const ROOM = /** @type {Record<string, [string, number, string]>} */ ({ servers: ["Servers", 1, ""], vcpus: ["vCPU", 1, ""], ram: ["RAM", 1024, "\u00a0GiB"], networks: ["Networks", 1, ""], ports: ["Ports", 1, ""], routers: ["Routers", 1, ""], floating_ips: ["Floating IPs", 1, ""], volumes: ["Volumes", 1, ""], gibibytes: ["Volume size", 1, "\u00a0GiB"] });
const FEW = ["vcpus", "ram", "servers"];

/** @typedef {{ cloud: string, data: any, error: any, busy: boolean, again: () => void, whole?: any }} Found */

/** What a cloud has; asked for anew when another one is meant. @param {string} cloud @returns {Found} */
export const useRoom = (cloud) => {
  const [found, set] = useState(/** @type {{ cloud: string, data: any, error: any }} */ ({ cloud: "", data: null, error: null }));
  const [round, next] = useState(0);
  const [busy, wait] = useState(false);
  useEffect(() => {
    if (!cloud) return;
    const stop = new AbortController();
    wait(true);
    get(`/clouds/${encodeURIComponent(cloud)}`, stop.signal).then(
      (data) => {
        wait(false);
        set({ cloud, data, error: null });
      },
      (error) => {
        if (stop.signal.aborted) return;
        wait(false);
        set((before) => ({ cloud, data: before.cloud === cloud ? before.data : null, error }));
      },
    );
    return () => stop.abort();
  }, [cloud, round]);
  const there = found.cloud === cloud;
  return { cloud, data: there ? found.data?.has : null, error: there ? found.error : null, busy: Boolean(cloud) && busy, again: () => next(round + 1), ...(there && found.data ? { whole: found.data } : {}) };
};

/** @param {{ of: Found, cloud: string, needs?: any, small?: boolean }} props */
export const Room = ({ of, cloud, needs, small = false }) => {
  if (!cloud) return null;
  if (of.error) return html`<${Could} error=${of.error} again=${of.again} />`;
  if (!of.data) return html`<p class="small soft" role="status">${of.busy ? `Asking ${cloud} how much room it has.` : ""}</p>`;
  const shown = of.data.quotas.filter((/** @type {any} */ one) => ROOM[one.name] && (!small || FEW.includes(one.name)));
  if (!shown.length) return html`<p class="small soft">${cloud} tells of no quota for this project.</p>`;
  return html`<div class="quotas">${shown.map((/** @type {any} */ one) => {
    const [name, unit, text] = ROOM[one.name];
    const wanted = needs?.[one.name] ?? 0;
    const [used, limit, take] = [one.used, one.limit, wanted].map((value) => value / unit);
    const over = used + take > limit;
    const says = take ? `${number(take)} of ${number(Math.max(0, limit - used))}${text} free` : `${number(used)} of ${number(limit)}${text}`;
    return html`<div class="quota" key=${one.name}><span>${name}</span><${Plot} draw=${quota} data=${{ used, wanted: take, limit, title: `${name}: ${number(used)} used, this run ${number(take)}, of ${number(limit)}${text}` }} /><span class=${`num${over ? " fail" : ""}`}>${over ? "over: " : ""}${says}</span></div>`;
  })}</div>`;
};
