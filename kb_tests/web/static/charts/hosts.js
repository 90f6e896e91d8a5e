// Hosts by zone: a cell each, the number in the cell is p99, squares are loaded servers, rings are generators.
import { time } from "../lib/words.js";
import { el, frame, widthOf } from "./draw.js";

/** @typedef {{ host: string, zone: string, servers: number, generators: number, p99: number | null }} Host */
/** @typedef {{ title: string, limit: number | null, hosts: Host[] }} Hosts */

const STEPS = [0.5, 0.75, 1, 2];

/** @param {HTMLElement} host @param {Hosts} d */
export const hosts = (host, d) => {
  const zones = [...new Set(d.hosts.map((one) => one.zone))];
  const W = widthOf(host);
  const gap = 3;
  const per = Math.min(Math.max(...zones.map((zone) => d.hosts.filter((one) => one.zone === zone).length), 4), Math.max(4, Math.floor(W / 62)));
  const cw = (W - gap * (per - 1)) / per;
  const ch = 46;
  const head = 19;
  const rows = zones.map((zone) => Math.ceil(d.hosts.filter((one) => one.zone === zone).length / per));
  const H = rows.reduce((sum, count) => sum + head + count * (ch + gap) + 6, 0);
  const [s] = frame(host, H, d.title);
  let top = 0;
  zones.forEach((zone, z) => {
    el(s, "text", { class: "t", x: 0, y: top + 12 }, zone ? `zone ${zone}` : "hosts");
    d.hosts
      .filter((one) => one.zone === zone)
      .forEach((one, i) => {
        const X = (i % per) * (cw + gap);
        const Y = top + head + Math.floor(i / per) * (ch + gap);
        const share = one.p99 !== null && d.limit ? one.p99 / d.limit : null;
        const place = share === null ? -1 : STEPS.findIndex((step) => share <= step);
        const cls = one.p99 === null ? (one.generators ? "gen" : "free") : share === null ? "h0" : `h${place < 0 ? 4 : place}`;
        const dark = cls === "h3" || cls === "h4";
        const over = share !== null && share > 1;
        const tone = one.p99 === null ? "" : dark ? "hight" : "lowt";
        el(s, "rect", { class: `cell ${cls}${over ? " over" : ""}`, x: X + (over ? 1.25 : 0.5), y: Y + (over ? 1.25 : 0.5), width: cw - (over ? 2.5 : 1), height: ch - (over ? 2.5 : 1), rx: 2 });
        el(s, "text", { class: `t ${tone}`, x: X + 4, y: Y + 12 }, one.host.length * 6 > cw - 6 ? `…${one.host.slice(-Math.floor((cw - 12) / 6.4))}` : one.host);
        if (one.p99 !== null) el(s, "text", { class: `t b ${tone}`, x: X + cw / 2, y: Y + ch / 2 + 6, "text-anchor": "middle" }, time(one.p99));
        for (let k = 0; k < Math.min(one.servers, 6); k++) el(s, "rect", { class: dark ? "highm" : "lowm", x: X + 4 + k * 7, y: Y + ch - 9, width: 5, height: 5 });
        for (let k = 0; k < Math.min(one.generators, 4); k++) el(s, "circle", { class: "ring", cx: X + cw - 6.5 - k * 7, cy: Y + ch - 6.5, r: 2.6 });
      });
    top += head + rows[z] * (ch + gap) + 6;
  });
};
