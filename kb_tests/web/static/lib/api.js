// Asks the server, and follows a session: with the token in a header, which no browser adds by itself.
/** Whether the page is a file, without a server. */
export const alone = false;

const BASE = "/api/v1";
const KEY = "kb-token";

/** Takes the token out of the address bar and keeps it for this origin; whether there was one. */
export const takeToken = () => {
  const found = /^#token=([\w-]{20,})$/.exec(location.hash);
  if (found) {
    localStorage.setItem(KEY, found[1]);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return Boolean(found);
};

/** What the server said where it could not do something. */
export class Refused extends Error {
  /** @param {number} status @param {string} detail @param {string} remedy */
  constructor(status, detail, remedy) {
    super(detail);
    this.status = status;
    this.remedy = remedy;
  }
}

/** A part of a path that a browser would go up by: names come from the address bar, which anybody may have written. */
const UPWARDS = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

/** @param {string} path @param {RequestInit} [init] */
const send = async (path, init = {}) => {
  if (UPWARDS.test(path.split("?")[0])) throw new Refused(404, "There is nothing at this address.", "");
  const headers = { ...init.headers, authorization: `Bearer ${localStorage.getItem(KEY) ?? ""}` };
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(BASE + path, { ...init, headers, redirect: "error" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused(0, "kb ui has ended. Runs have not.", "Start it again with kb ui; nothing is lost.");
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, said.detail ?? answer.statusText, said.remedy ?? "");
  }
  return answer;
};

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = async (path, signal) => (await send(path, { signal })).json();

/** @param {string} path @param {unknown} body @param {Record<string, string>} [headers] @param {AbortSignal} [signal] @returns {Promise<any>} */
export const post = async (path, body, headers = {}, signal = undefined) =>
  (await send(path, { method: "POST", signal, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } })).json();

/** @param {string} path @param {unknown} body @param {Record<string, string>} [headers] @returns {Promise<any>} */
export const put = async (path, body, headers = {}) =>
  (await send(path, { method: "PUT", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } })).json();

/** What the server said of it, if anything. @param {string} path @param {Record<string, string>} [headers] @returns {Promise<any>} */
export const remove = async (path, headers = {}) => {
  const answer = await send(path, { method: "DELETE", headers });
  return answer.status === 204 ? null : answer.json();
};

/** Saves what the server made as a file. @param {string} path @param {string} name */
export const download = async (path, name) => {
  const url = URL.createObjectURL(await (await send(path)).blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
};

/** When another tab has kept something for this origin, or `signal` says so. @param {AbortSignal} signal @returns {Promise<void>} */
const newToken = (signal) =>
  new Promise((resolve) => {
    const done = () => {
      removeEventListener("storage", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    addEventListener("storage", done);
    signal.addEventListener("abort", done);
  });

/**
 * Follows a session from its beginning until it ends or `signal` says so. A connection that breaks is made again
 * where it ended; what was seen is not told twice.
 * @param {string} sid
 * `heard` is told whether the server answers, and by how many seconds its clock is before this one; `now`, that all
 * came which was there before.
 * `refused` is told that its token is not of this `kb ui`: it goes on when another tab has taken the new one.
 * @param {{ events: (events: any[]) => void, now: () => void, heard: (well: boolean, ahead?: number) => void, refused: (error: Refused) => void, end: (brokenOff: boolean) => void }} on
 * @param {AbortSignal} signal
 */
export const follow = async (sid, on, signal) => {
  let cursor = "";
  while (!signal.aborted) {
    try {
      const headers = cursor ? { "last-event-id": cursor } : undefined;
      const answer = await send(`/sessions/${sid}/events`, { signal, headers });
      on.heard(true, (Date.parse(answer.headers.get("date") ?? "") - Date.now()) / 1000 || 0);
      const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const messages = (rest + decoder.decode(value, { stream: true })).split("\n\n");
        rest = messages.pop() ?? "";
        const events = [];
        for (const message of messages) {
          const fields = Object.fromEntries(message.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
          if (fields.event === "end") {
            if (events.length) on.events(events);
            on.end(Boolean(JSON.parse(fields.data).broken_off));
            return;
          }
          if (fields.event === "now") {
            if (events.length) on.events(events.splice(0));
            on.now();
          }
          if (fields.id && fields.data) {
            cursor = fields.id;
            events.push(JSON.parse(fields.data));
          }
        }
        if (events.length) on.events(events);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status === 404) throw error;
      if (error instanceof Refused && error.status === 401) {
        on.refused(error);
        await newToken(signal);
        continue;
      }
      if (error instanceof Refused && error.status === 410) cursor = "";
      on.heard(false);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
};
