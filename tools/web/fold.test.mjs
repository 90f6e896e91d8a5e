// What the live page makes of events: bounded, whole after a resume, and no claim that later seconds could refute.
import assert from "node:assert/strict";
import test from "node:test";
import { between, columnsOf, edge, percentile, reach } from "../../kb_tests/web/static/charts/heat.js";
import { Live, fact, passing, shown, soFar } from "../../kb_tests/web/static/live/fold.js";
import { near, others } from "../../kb_tests/web/static/live/rungs.js";
import { worstFirst, worstPoint } from "../../kb_tests/web/static/live/worst.js";
import { besides, clock, number, share, spaced, time, took } from "../../kb_tests/web/static/lib/words.js";

const begun = { kind: "point_started", point: "a", cloud: "c", look: 1, looks: 2, duration: 10, warm_up: 0, offered: 100, unit: "requests/s", agents: 1, limits: { "latency p99": 0.05 }, t: 1 };
const second = (index, slower = 0, done = 100) => ({ kind: "second", point: "a", cloud: "c", index, agents: 1, expected: 1, due: 100, completed: done, failed: 0, buckets: [[40, done]], slower: { "latency p99": slower }, t: 2 + index });
const fed = (...events) => {
  const live = new Live();
  live.take([{ kind: "selected", points: [{ cloud: "c", id: "a", scenario: "s", kind: "http", clients: 1 }], t: 0 }, begun, ...events]);
  return live;
};
const claim = (...events) => fact(fed(...events).current, "latency p99", 99);

test("more slow ones than a percent of the whole look cannot pass any more", () => {
  assert.equal(claim(second(0), second(1, 11), second(2)), ""); // 10 of 1,000 may be slow, and one is the rounding's
  assert.equal(claim(second(0), second(1, 12)), "no longer pass");
});

test("slow ones of the first second may be of the warm-up, and prove nothing", () => {
  assert.equal(claim(second(0, 50)), "");
  assert.equal(claim(second(0, 50), second(1)), "");
});

test("nothing can fail any more only when what is to come is less than what may be slow", () => {
  const all = Array.from({ length: 10 }, (_, i) => second(i));
  assert.equal(claim(...all.slice(0, 9)), "");
  assert.equal(claim(...all), ""); // the first second counts as not ended
  assert.equal(claim(...all, second(10, 0, 95)), "no longer fail");
});

test("where an agent was not heard nothing is claimed", () => {
  assert.equal(claim(second(0), { ...second(1, 100), missing: ["client-1"] }), "");
});

test("a new look begins anew, and a point has one place", () => {
  const live = fed(second(0), second(1), { ...begun, look: 2, t: 9 }, second(0));
  assert.equal(live.points.size, 1);
  assert.equal(live.current.seconds.length, 1);
});

test("the embedded cloud has a name in the selection alone", () => {
  const live = fed({ ...begun, cloud: "" }, { ...second(0), cloud: "" }, { kind: "point", point: "a", cloud: "", status: "judged", outcome: "pass", t: 5 });
  assert.equal(live.points.size, 1);
  assert.equal(live.points.get("c a").outcome, "pass");
});

test("what parts of the page are given is another object each time it is drawn", () => {
  const live = fed(second(0));
  const next = live.turn();
  assert.notEqual(next, live);
  next.take([second(1)]);
  assert.equal(next.current.seconds.length, 2);
  assert.ok(next instanceof Live);
});

test("an hour of seconds is kept, and said to be the last", () => {
  const live = fed(...Array.from({ length: 4000 }, (_, i) => second(i)));
  assert.equal(live.current.seconds.length, 3600);
  assert.equal(live.current.dropped, 400);
  assert.equal(soFar(live.current).completed, 400_000);
});

test("stopping is not undone by what still runs, and the end ends everything", () => {
  const live = fed({ kind: "stopping", t: 3 }, second(1));
  assert.equal(live.state, "stopping");
  live.take([{ kind: "teardown", total: 4, done: 2, t: 4 }, { kind: "end", process: "gw0", t: 5 }]);
  assert.equal(live.state, "removing");
  live.take([{ kind: "end", process: "main", exit_code: 2, t: 6 }]);
  assert.equal(live.state, "ended");
  assert.equal(live.points.get("c a").outcome, "not_run");
});

test("a topology that is removed while points are to come is not the session's end", () => {
  const live = fed();
  live.take([{ kind: "selected", points: [{ cloud: "c", id: "b", scenario: "t", kind: "http", clients: 1 }], t: 3 }, { kind: "point", point: "a", cloud: "c", status: "judged", outcome: "pass", t: 4 }, { kind: "teardown", total: 4, done: 2, t: 5 }]);
  assert.deepEqual([live.state, live.between], ["running", true]);
  live.take([{ ...begun, point: "b", t: 6 }]);
  assert.deepEqual([live.state, live.between], ["running", false]);
  live.take([{ kind: "point", point: "b", cloud: "c", status: "judged", outcome: "pass", t: 7 }, { kind: "teardown", total: 4, done: 2, t: 8 }]);
  assert.equal(live.state, "removing");
});

test("what ends behind the window is counted, and drawn where it is much", () => {
  const few = fed(second(0), second(10, 0, 1)).current;
  assert.equal(shown(few).length, 1);
  assert.equal(soFar(few).completed, 101);
  assert.equal(shown(fed(second(0), second(10, 0, 50)).current).length, 2);
});

test("percentiles of buckets are those of the server", () => {
  assert.ok(Math.abs(percentile(new Map([[40, 100]]), 50) - edge(40.5)) < 1e-12);
  assert.ok(Number.isNaN(percentile(new Map(), 50)));
  assert.deepEqual([...between({ at: -1, step: 1, rows: [[[1, 1]], [[2, 2]], [[2, 3]]] }, 0, 2)], [[2, 5]]);
});

test("figures read as the design says", () => {
  assert.equal(time(0.000642), "642\u00a0µs");
  assert.equal(time(0.0309), "30.9\u00a0ms");
  assert.equal(time(null), "–");
  assert.equal(number(4498.2), "4,498");
  assert.equal(share(0.999999), "99.99\u00a0%");
  assert.equal(share(1), "100\u00a0%");
  assert.equal(clock(65), "1:05");
  assert.equal(took(3700), "1\u00a0h 1\u00a0min");
});

test("units stand apart from their numbers, and names stay as they are", () => {
  assert.equal(spaced("p50 50.7ms is over 10ms by 40.7us (98% of 245MiB/s)"), "p50 50.7\u00a0ms is over 10\u00a0ms by 40.7\u00a0µs (98\u00a0% of 245\u00a0MiB/s)");
  for (const name of ["run-50ms", "kb-aa5s", "step_10s", "5.1x", "3/s"]) assert.equal(spaced(name), name);
});

test("failed ones are slower than any", () => {
  const done = new Map([[40, 99]]);
  assert.ok(percentile(done, 99) < edge(41));
  assert.equal(percentile(done, 99, 2), Infinity);
  assert.ok(percentile(done, 50, 2) < edge(41));
  assert.equal(percentile(new Map(), 99, 5), Infinity);
  assert.equal(time(Infinity), "∞");
});

test("a column is counted again only where other rows lie under it", () => {
  const rows = Array.from({ length: 10 }, (_, i) => [[40 + i, 2]]);
  const before = columnsOf({ at: 0, step: 1, rows: rows.slice(0, 9) }, 4, new Map());
  const after = columnsOf({ at: 2, step: 1, rows: rows.slice(2) }, 4, before);
  assert.deepEqual([...after.keys()], [0, 1, 2]);
  assert.equal(after.get(1), before.get(1));
  assert.notEqual(after.get(0), before.get(0)); // it lost its first rows
  assert.deepEqual(after.get(2)?.cells, [[48, 2], [49, 2]]);
});

test("a map of days reaches as far as its highest second", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [[i === 150_000 ? 80 : 50, 1]]);
  const [low, high] = reach({ at: 0, step: 1, rows }, [[0.05], Array(200_000).fill(0.006)]);
  assert.ok(low < edge(50) && high > edge(81));
});

test("loads that a search tries are the search's, and no points of their own", () => {
  const search = { cloud: "c", id: "s-clients-4-capacity", scenario: "s", kind: "http", clients: 4 };
  const load = (n, rate) => [
    { kind: "point_started", point: `${search.id}-${n}-rate-${rate}`, search: search.id, cloud: "c", look: 1, looks: 1, duration: 5, warm_up: 0, offered: 4 * rate, unit: "requests/s", agents: 4, limits: {}, t: n },
    { ...second(0), point: `${search.id}-${n}-rate-${rate}` },
    { kind: "look", point: `${search.id}-${n}-rate-${rate}`, cloud: "c", outcome: "fail", checks: [{ name: "latency p99", outcome: "fail" }], t: n },
    { kind: "probe", point: `${search.id}-${n}-rate-${rate}`, search: search.id, cloud: "c", outcome: "fail", t: n },
  ];
  const live = new Live();
  live.take([{ kind: "selected", points: [search], t: 0 }, ...load(1, 100), ...load(2, 125)]);
  const point = live.points.get(`c ${search.id}`);
  assert.equal(live.points.size, 1);
  assert.deepEqual([point.tried, point.offered, point.status, point.outcome, point.checks.length, point.seconds.length], [2, 500, "running", "", 0, 1]);
  assert.ok(live.log.at(-1).text.endsWith("broken"));
  live.take([{ kind: "point", point: search.id, cloud: "c", status: "judged", outcome: "pass", told: "480 requests/s keep the SLA.", t: 9 }]);
  assert.deepEqual([point.outcome, point.told], ["pass", "480 requests/s keep the SLA."]);
  live.take(load(1, 100));
  assert.deepEqual([point.tried, point.outcome, point.told], [1, "", ""]); // it is searched again
  live.take(load(2, 125));
  assert.equal(point.tried, 2);
});

test("what is lost or did not run is counted with what passes", () => {
  assert.equal(passing(["pass", "pass", "pass", "lost", "not_run", "error", "fail", "invalid"]), "3 of 8 points pass. ");
  assert.equal(passing(["pass", "", ""]), "1 of 1 point passes. ");
  assert.equal(passing(["measured", "measured", ""]), "2 points measured. ");
  assert.equal(passing(["not_run", "not_run"]), "");
});

test("of points that are not shown it is said what they came to", () => {
  const rungs = Array.from({ length: 300 }, (_, i) => ({ outcome: i < 200 ? "fail" : i < 210 ? "pass" : i === 210 ? "lost" : "" }));
  const shown = near(rungs);
  const hidden = rungs.filter((one) => !shown.includes(one));
  assert.equal(others(rungs, shown), `${hidden.filter((one) => one.outcome === "fail").length} fail, ${hidden.filter((one) => !one.outcome).length} to come`);
  assert.ok(others(rungs, shown).startsWith("1"));
});

test("the worst is the one that a report names, of those alike too", () => {
  const check = (name, value, limit, unit) => ({ name, value, limit, unit, at_most: true, outcome: "fail" });
  const names = (...checks) => worstFirst({ checks }).map((one) => one.name);
  assert.deepEqual(names(check("latency p99", 2, 1, "s"), check("achieved", 2, 1, "1/s"), check("errors", 0.02, 0.01, "")), ["errors", "achieved", "latency p99"]);
  assert.deepEqual(names(check("latency p99", Infinity, 1, "s"), check("errors", 0.02, 0.01, "")), ["errors", "latency p99"]);
  assert.deepEqual(names(check("latency p50", 3, 1, "s"), check("verify", 1, 1, "")), ["verify", "latency p50"]);
  const point = (offered) => ({ offered, outcome: "fail", checks: [check("latency p99", 2, 1, "s")] });
  assert.equal(worstPoint([point(500), point(100), point(200)]).offered, 100);
});

test("why a search is red, its capacity does not always say", () => {
  const told = ["480 requests/s keep the SLA.", "Found in 9 loads."];
  assert.deepEqual(besides(["480 requests/s keep the SLA. Found in 9 loads", "Staging took 90 s, over its limit 60 s."], told), ["Staging took 90 s, over its limit 60 s."]);
});
