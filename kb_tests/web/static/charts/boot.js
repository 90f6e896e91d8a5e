// Staging server by server: asked for, booting, ready; all on one time axis.
import { el, frame, lin, nice } from "./draw.js";

/** @typedef {{ title: string, now: number, servers: { name: string, building: number, booting: number | null, ready: number | null }[] }} Boots */

const MOST = 120;

/** Times are seconds since the first one was asked for. @param {HTMLElement} host @param {Boots} d */
export const boot = (host, d) => {
  const own = d.servers.slice(0, MOST);
  const row = own.length > 60 ? 4 : 6;
  const top = 6;
  const H = top + own.length * row + 26;
  const [s, W] = frame(host, H, d.title);
  s.classList.add("boot");
  const until = Math.max(5, d.now * 1.05);
  const x = lin(0, until, 8, W - 24);
  for (const v of nice(until, 6)) {
    el(s, "line", { class: "g", x1: x(v), x2: x(v), y1: top, y2: H - 24 });
    el(s, "text", { class: "t", x: x(v), y: H - 9, "text-anchor": "middle" }, `${v}\u00a0s`);
  }
  own.forEach((server, i) => {
    const y = top + i * row + 3;
    el(s, "line", { class: "wait", x1: x(server.building), x2: x(server.booting ?? server.ready ?? d.now), y1: y, y2: y });
    if (server.booting !== null) el(s, "line", { class: "up", x1: x(server.booting), x2: x(server.ready ?? d.now), y1: y, y2: y });
    if (server.ready !== null) el(s, "circle", { class: "ok", cx: x(server.ready), cy: y, r: 2.4 });
  });
};
