// What a session's events come to, for its page: kept bounded, however long it runs.
import { many } from "../lib/words.js";

/** Seconds kept of a point: an hour. */
const MOST = 3600;
const LINES = 200;

/**
 * @typedef {{
 *   key: string, id: string, cloud: string, scenario: string, kind: string, clients: number,
 *   status: string, outcome: string, reason: string, checks: any[], look: number, looks: number,
 *   trying: string, tried: number, told: string, duration: number, warmUp: number, offered: number, unit: string, agents: number, limits: Record<string, number>,
 *   seconds: any[], dropped: number, far: { buckets: Map<number, number>, due: number, completed: number, failed: number, seconds: number },
 * }} Point
 */

/** What a load of a search shows, which is no failure. @type {Record<string, string>} */
const PROBED = { pass: "kept", fail: "broken", inconclusive: "cannot tell" };

/** @param {any} event */
const line = (event) => {
  switch (event.kind) {
    case "phase": return `${event.phase} ${event.done ?? 0}/${event.total}`;
    case "staged": return `${event.scenario} is staged, ${many(event.servers?.length ?? 0, "server")}`;
    case "point_started": return `${event.point} begins${event.look > 1 ? `, look ${event.look} of ${event.looks}` : ""}`;
    case "look": return `${event.point}: look ${event.look} of ${event.looks}: ${event.outcome}`;
    case "point": return `${event.point}: ${event.outcome || event.status}${event.told ? `. ${event.told}` : ""}`;
    case "probe": return `${event.point}: ${PROBED[event.outcome] ?? event.outcome}`;
    case "marker": return `marker: ${event.text}`;
    case "problem": return `problem: ${event.sentence}`;
    case "leaked": return `left on the cloud: ${event.resources.join("; ")}`;
    case "stopping": return "asked to stop";
    case "teardown": return `removed ${event.done ?? 0} of ${event.total}`;
    case "log": return event.text;
    case "end": return event.exit_code === undefined || event.exit_code === null ? "" : `ended with exit code ${event.exit_code}`;
    default: return "";
  }
};

export class Live {
  constructor() {
    /** @type {Map<string, Point>} */
    this.points = new Map();
    /** @type {Map<string, { name: string, done: number, total: number, from: number, to: number }>} */
    this.phases = new Map();
    /** @type {Map<string, any[]>} */
    this.servers = new Map();
    /** @type {Map<string, { name: string, building: number, booting: number | null, ready: number | null }>} when a server came so far */
    this.boots = new Map();
    /** @type {Map<string, string>} the search that a load is tried for */
    this.searches = new Map();
    /** @type {{ t: number, text: string }[]} */
    this.log = [];
    /** @type {{ t: number, text: string }[]} */
    this.markers = [];
    /** @type {string[]} */
    this.problems = [];
    /** @type {string[]} */
    this.leaks = [];
    /** @type {Record<string, string>} */
    this.runs = {};
    /** @type {Point | null} */
    this.current = null;
    /** @type {"starting" | "staging" | "running" | "stopping" | "removing" | "ended"} */
    this.state = "starting";
    this.stops = false;
    /** A topology is removed, and others are to come. */
    this.between = false;
    /** @type {Record<string, number>} when each state began */
    this.since = {};
    this.began = 0;
    this.now = 0;
    /** @type {{ done: number, total: number } | null} */
    this.teardown = null;
    /** @type {number | null} */
    this.exitCode = null;
  }

  /** The same as another object: parts of a page are drawn anew when what they are given is another one. */
  turn() {
    return /** @type {Live} */ (Object.assign(Object.create(Live.prototype), this));
  }

  /** @param {any[]} events */
  take(events) {
    for (const event of events) this.one(event);
  }

  /** @param {string} state @param {number} t */
  enter(state, t) {
    if (this.state === "ended" || (this.stops && !["stopping", "removing", "ended"].includes(state))) return;
    this.between = false;
    if (this.state !== state) this.since[state] ??= t;
    this.state = /** @type {any} */ (state);
  }

  /** Nothing more comes: what has no verdict yet has none. */
  over() {
    for (const point of this.points.values()) point.outcome ||= "not_run";
  }

  /** That of a load which is tried for a search is the search. The embedded cloud has a name in the selection alone. @param {any} event */
  point(event) {
    if (event.search) this.searches.set(event.point, event.search);
    const id = this.searches.get(event.point) ?? event.point;
    const exact = this.points.get(`${event.cloud ?? ""} ${id}`);
    return exact ?? [...this.points.values()].find((one) => one.id === id) ?? this.add({ cloud: event.cloud ?? "", id, scenario: "", kind: "", clients: 0 });
  }

  /** @param {any} chosen */
  add(chosen) {
    const key = `${chosen.cloud} ${chosen.id}`;
    /** @type {Point} */
    const point = {
      key, status: "", outcome: "", reason: "", checks: [], look: 0, looks: 0, trying: "", tried: 0, told: "", duration: 0, warmUp: 0, offered: 0, unit: "",
      agents: 0, limits: {}, seconds: [], dropped: 0, far: nothing(), ...chosen,
    };
    this.points.set(key, point);
    return point;
  }

  /** @param {any} event */
  one(event) {
    this.began ||= event.t;
    this.now = Math.max(this.now, event.t);
    const text = line(event);
    if (text) this.log = [...this.log, { t: event.t, text }].slice(-LINES);
    switch (event.kind) {
      case "selected":
        for (const point of event.points) if (!this.points.has(`${point.cloud} ${point.id}`)) this.add(point);
        Object.assign(this.runs, event.runs);
        break;
      case "phase": {
        this.enter("staging", event.t);
        const name = `${event.cloud ?? ""} ${event.phase}`;
        const known = this.phases.get(name) ?? { name: event.phase, done: 0, total: 0, from: event.t, to: event.t };
        this.phases.set(name, { ...known, done: event.done ?? 0, total: event.total, to: event.t });
        break;
      }
      case "server":
        this.enter("staging", event.t);
        for (const name of event.names) {
          const known = this.boots.get(name) ?? { name, building: event.t, booting: null, ready: null };
          if (event.state === "booting" || event.state === "ready") known[/** @type {"booting" | "ready"} */ (event.state)] ??= event.t;
          this.boots.set(name, known);
        }
        break;
      case "staged":
        this.servers.set(event.scenario, event.servers ?? []);
        break;
      case "point_started": {
        this.enter("running", event.t);
        const point = this.point(event);
        Object.assign(point, {
          status: "running", look: event.look, looks: event.looks, duration: event.duration, warmUp: event.warm_up, offered: event.offered,
          unit: event.unit, agents: event.agents, limits: event.limits ?? {}, seconds: [], dropped: 0, far: nothing(),
          trying: event.search ? event.point : "", tried: (point.outcome ? 0 : point.tried) + (event.search ? 1 : 0),
          ...(point.outcome ? { outcome: "", reason: "", told: "", checks: [] } : {}), // it runs again
        });
        this.current = point;
        break;
      }
      case "second": {
        const point = this.point(event);
        point.seconds.push(event);
        count(point.far, event);
        if (point.seconds.length > MOST) {
          point.seconds.shift();
          point.dropped += 1;
        }
        this.current = point;
        break;
      }
      case "look":
        if (!this.searches.has(event.point)) this.point(event).checks = event.checks ?? [];
        break;
      case "point": {
        const point = this.point(event);
        Object.assign(point, { status: event.status, outcome: event.outcome || event.status, reason: event.reason ?? "", told: event.told ?? "" });
        for (const other of this.points.values()) if (other !== point && other !== this.current) other.seconds = other.outcome ? [] : other.seconds;
        break;
      }
      case "marker":
        this.markers = [...this.markers, { t: event.t, text: event.text }].slice(-50);
        break;
      case "problem":
        this.problems = [...this.problems, event.sentence].slice(-20);
        break;
      case "leaked":
        this.leaks = [...this.leaks, ...event.resources].slice(-50);
        break;
      case "stopping":
        this.stops = true;
        if (this.state !== "removing") this.enter("stopping", event.t);
        break;
      case "teardown":
        if (this.stops || [...this.points.values()].every((point) => point.outcome)) this.enter("removing", event.t);
        else {
          this.enter("running", event.t);
          this.between = true;
        }
        this.teardown = { done: event.done ?? 0, total: event.total };
        break;
      case "end":
        if (event.process === "main") {
          this.enter("ended", event.t);
          this.exitCode = event.exit_code ?? null;
          this.over();
        }
        break;
    }
  }
}

/** Without what follows the window, unless much of the load ended there. @param {Point} point */
export const shown = (point) =>
  point.seconds.filter((second) => !point.duration || second.index < point.duration || second.completed + second.failed > point.offered / 100);

/** The row of a second of which nothing is known. @type {[number, number][]} */
const NONE = [];

/** A point's seconds as the timeline draws them. @param {Point} point */
export const series = (point) => {
  const own = point.seconds;
  const at = own.map((second) => second.index);
  const first = at[0] ?? 0;
  const last = at[at.length - 1] ?? 0;
  /** @type {[number, number][][]} */
  const rows = Array(Math.max(0, last - first + 1)).fill(NONE);
  for (const second of own) rows[second.index - first] = second.buckets ?? NONE;
  return { at, rows, first };
};

/**
 * What exact counts say already of a limit on a percentile, whatever comes in this look: "no longer pass", "no longer
 * fail", or "". A later look is judged together with those before it, whose counts are not here. Of the first second some may belong to the warm-up, so they count against either claim.
 * @param {Point} point @param {string} name of the limit @param {number} percent
 */
export const fact = (point, name, percent) => {
  const whole = point.offered * point.duration;
  const own = point.seconds.filter((second) => second.index >= 0);
  if (point.look > 1 || !whole || !own.length || own.some((second) => second.missing?.length)) return "";
  const slower = (/** @type {any[]} */ seconds) => seconds.reduce((sum, second) => sum + (second.slower?.[name] ?? 0), 0);
  const later = own.filter((second) => second.index >= 1);
  const allowed = (whole * (100 - percent)) / 100;
  if (slower(later) > allowed + 1) return "no longer pass";
  const ended = later.reduce((sum, second) => sum + second.completed + second.failed, 0);
  return slower(own) + Math.max(0, whole - ended) < allowed - 1 ? "no longer fail" : "";
};

/** Counts of all seconds of the measured window, those that are no longer kept too. @param {Point} point */
export const soFar = (point) => point.far;

/** "3 of 8 points pass. " of all that came to something; nothing while none did. @param {string[]} outcomes of points, "" of what is to come */
export const passing = (outcomes) => {
  const done = outcomes.filter((one) => one && one !== "measured");
  const measured = outcomes.filter((one) => one === "measured").length;
  if (done.some((one) => one !== "not_run")) return `${done.filter((one) => one === "pass").length} of ${many(done.length, "point")} ${done.length === 1 ? "passes" : "pass"}. `;
  return measured ? `${many(measured, "point")} measured. ` : "";
};

const nothing = () => ({ buckets: /** @type {Map<number, number>} */ (new Map()), due: 0, completed: 0, failed: 0, seconds: 0 });

/** Adds a second to what came so far. @param {ReturnType<typeof nothing>} far @param {any} second */
const count = (far, second) => {
  if (second.index < 0) return;
  far.due += second.due;
  far.completed += second.completed;
  far.failed += second.failed;
  far.seconds += second.length ?? 1;
  for (const [bucket, number] of second.buckets ?? []) far.buckets.set(bucket, (far.buckets.get(bucket) ?? 0) + number);
};
