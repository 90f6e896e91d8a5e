// A change of a text is what was meant, or is none.
import assert from "node:assert/strict";
import test from "node:test";
import { alike, at, isPlain, leads, meant, moved, put, shown } from "../../kb_tests/web/static/lib/edit.js";

const BEFORE = { name: "mine", sla: { latency: { p99: "1s" } }, load: { profiles: [{ name: "a" }, { name: "b" }] } };

test("what was meant is there, and all else as it was", () => {
  assert.ok(meant(BEFORE, { ...BEFORE, name: "other" }, ["name"], "other"));
  assert.ok(meant(BEFORE, put(BEFORE, ["load", "profiles", "1", "name"], "c"), ["load", "profiles", "1", "name"], "c"));
  assert.ok(meant(BEFORE, put(BEFORE, ["sla", "errors"], 1), ["sla", "errors"], "1"));
  assert.ok(!meant(BEFORE, BEFORE, ["sla", "errors"], "1%")); // it was not written
  assert.ok(!meant(BEFORE, { ...BEFORE, name: "mine # of" }, ["name"], "other"));
});

test("a key that goes may leave its parent empty, and nothing else", () => {
  const gone = { ...BEFORE, sla: { latency: null } };
  assert.ok(meant(BEFORE, gone, ["sla", "latency", "p99"], ""));
  assert.ok(!meant(BEFORE, { ...gone, name: null }, ["sla", "latency", "p99"], ""));
  assert.ok(!meant(BEFORE, BEFORE, ["sla", "latency", "p99"], ""));
});

test("an anchor that two keys share is not changed for one of them", () => {
  const shared = { a: { latency: "1s" }, b: { latency: "1s" } };
  assert.ok(!meant(shared, { a: { latency: "2s" }, b: { latency: "2s" } }, ["a", "latency"], "2s"));
});

test("what is no mapping is none afterwards", () => {
  assert.ok(!meant({ load: "often" }, { load: { rate: 5 } }, ["load", "rate"], "5"));
});

test("what nobody could read is no data", () => {
  assert.ok(!meant(BEFORE, {}, ["name"], "other"));
});

test("keys that every object has are none of a text", () => {
  assert.equal(at({}, ["constructor"]), undefined);
  assert.equal(at({ a: "text" }, ["a", "length"]), undefined);
  assert.equal(at(null, ["a"]), undefined);
});

test("a field shows what stands in one field", () => {
  assert.deepEqual([shown([500, 1000]), shown("5s"), shown(null), shown({ a: 1 }), shown([{ a: 1 }]), shown(false)], ["500, 1000", "5s", "", "", "", "false"]);
  assert.deepEqual([isPlain([1]), isPlain({}), isPlain([{}]), isPlain(undefined)], [true, false, false, true]);
});

test("a path that leads through a text, or a list of something else, leads nowhere", () => {
  assert.deepEqual([leads({}, ["load", "rate"]), leads({ load: { rate: 1 } }, ["load", "rate"]), leads({ load: "often" }, ["load", "rate"]), leads({ load: [1] }, ["load", "rate"]), leads(BEFORE, ["load", "profiles", "1", "name"])], [true, true, false, false, true]);
});

test("items of a list change places", () => {
  assert.deepEqual([moved([1, 2, 3], 0, 2), moved([1, 2, 3], 2, 0), moved([1, 2, 3], 1, -1)], [[2, 3, 1], [3, 1, 2], [1, 3]]);
  assert.ok(!alike([1, 2], [2, 1]));
  assert.ok(alike({ a: 1, b: {} }, { b: null, a: 1 }));
});

test("another value than was typed is not what was meant", () => {
  const after = (value) => meant(BEFORE, put(BEFORE, ["x"], value), ["x"], "no");
  assert.deepEqual([after(false), after(null), after("no"), after(["no"])], [false, false, true, false]);
  const typed = (text, value) => meant(BEFORE, put(BEFORE, ["x"], value), ["x"], text);
  assert.deepEqual([typed("010", 8), typed("010", "010"), typed("null", null), typed("1.50", 1.5), typed("true", true), typed("5", 5), typed("5", "5")], [false, true, false, true, true, true, true]);
  assert.deepEqual([typed(["1", "b"], [1, "b"]), typed(["1", "b"], [1]), typed(["no"], [false]), typed(["1"], 1)], [true, false, false, false]);
  assert.deepEqual([isPlain(["a, b"]), isPlain("a, b"), isPlain([1, 2])], [false, true, true]);
});
