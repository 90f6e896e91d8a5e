// Sessions whose last word was heard here: what is asked for every few seconds may not know it yet.
import { signal } from "../vendor/preact.js";

/** @type {{ value: ReadonlySet<string> }} */
const known = signal(new Set());

/** A page heard that a session is over. @param {string} sid */
export const heardEnd = (sid) => {
  if (!known.value.has(sid)) known.value = new Set([...known.value, sid]);
};

/** Whether a session still lives, as far as anybody here knows. @param {any} session as the server tells it */
export const lives = (session) => Boolean(session.alive) && !["ended", "broken_off"].includes(session.state) && !known.value.has(session.sid);
