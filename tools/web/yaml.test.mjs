// One key of a text is changed, and nothing else of it.
import assert from "node:assert/strict";
import test from "node:test";
import { append, change, keepsComments, list, move, scalar } from "../../kb_tests/web/static/lib/yaml.js";

const TEXT = `# mine
name: mine
topology:
  flavor: {vcpus: 1, ram: 256MiB}
load:
  rate: [400, 800]  # each
  clients: {start: 1, step: 1}
sla:
  latency:
    p50: 200ms
    p99: 500ms
  errors: 1%
`;
const LINES = { name: 2, topology: 3, "topology.flavor": 4, "topology.flavor.vcpus": 4, "topology.flavor.ram": 4, load: 5, "load.rate": 6, "load.clients": 7, "load.clients.start": 7, "load.clients.step": 7, sla: 8, "sla.latency": 9, "sla.latency.p50": 10, "sla.latency.p99": 11, "sla.errors": 12 };
const changed = (path, value) => {
  const after = change(TEXT, LINES, path.split("."), value).split("\n");
  const before = TEXT.split("\n");
  return after.filter((line) => !before.includes(line)).concat(before.filter((line) => !after.includes(line)).map((line) => `- ${line}`));
};

test("a value is replaced where it stands", () => {
  assert.deepEqual(changed("name", "other"), ["name: other", "- name: mine"]);
  assert.deepEqual(changed("load.rate", "[1]"), ["  rate: [1]  # each", "- " + "  rate: [400, 800]  # each"]);
  assert.deepEqual(changed("topology.flavor.vcpus", "4")[0], "  flavor: {vcpus: 4, ram: 256MiB}");
  assert.deepEqual(changed("topology.flavor.ram", "1GiB")[0], "  flavor: {vcpus: 1, ram: 1GiB}");
  assert.deepEqual(changed("sla.latency", "{p99: 1s}"), ["  latency: {p99: 1s}", "-   latency:", "-     p50: 200ms", "-     p99: 500ms"]);
});

test("a key is added to what it belongs to", () => {
  assert.deepEqual(changed("sla.achieved", "95%"), ["  achieved: 95%"]);
  assert.deepEqual(changed("sla.latency.p999", "1s"), ["    p999: 1s"]);
  assert.deepEqual(changed("topology.flavor.disk", "1GiB")[0], "  flavor: {vcpus: 1, ram: 256MiB, disk: 1GiB}");
  assert.deepEqual(changed("topology.placement.servers", "[a]"), ["  placement: {servers: [a]}"]);
  assert.deepEqual(changed("description", "x"), ["description: x"]);
});

test("a key is taken away, and nothing else", () => {
  assert.deepEqual(changed("sla.errors", ""), ["-   errors: 1%"]);
  assert.deepEqual(changed("topology.flavor.ram", "")[0], "  flavor: {vcpus: 1}");
  assert.deepEqual(changed("topology.flavor.vcpus", "")[0], "  flavor: {ram: 256MiB}");
  assert.deepEqual(changed("sla.latency", ""), ["-   latency:", "-     p50: 200ms", "-     p99: 500ms"]);
  assert.deepEqual(changed("sla.nothing", ""), []);
});

test("what people type stays a value", () => {
  assert.equal(scalar("10 ms, at most"), '"10 ms, at most"');
  assert.equal(scalar("a: b # c"), '"a: b # c"');
  assert.equal(scalar("32KiB"), "32KiB");
  assert.equal(scalar('"'), '"\\""');
  assert.equal(list("1, 2,"), "[1, 2]");
  assert.equal(list("a:h1, ]"), '["a:h1", "]"]');
});

const PROFILES = "load:\n  profiles:\n    - {name: a}  # first\n    - name: b\n      mode: read\n    - {name: c}\n  duration: 5s\n";
const PLACES = { load: 1, "load.profiles": 2, "load.profiles[0]": 3, "load.profiles[1]": 4, "load.profiles[2]": 6, "load.duration": 7 };

test("items of a list are moved, added and taken away whole", () => {
  const names = (text) => [...text.matchAll(/name: (\w)/g)].map((found) => found[1]).join("");
  assert.equal(names(move(PROFILES, PLACES, "load.profiles", 1, 0)), "bac");
  assert.equal(names(move(PROFILES, PLACES, "load.profiles", 1, -1)), "ac");
  assert.match(move(PROFILES, PLACES, "load.profiles", 1, 2), /- \{name: c\}\n {4}- name: b\n {6}mode: read\n {2}duration/);
  assert.match(append(PROFILES, PLACES, "load.profiles", "{name: d}"), /- \{name: c\}\n {4}- \{name: d\}\n {2}duration/);
});

test("what YAML 1.1 takes for something else is quoted", () => {
  for (const text of ["no", "Yes", "on", "true", "null", "NULL", "010", "0x1F", "0b1", "1_000", "+5", "1.5e+3", ".inf", "2026-11-29", "-", "- a", "%a", "1e3"]) assert.equal(scalar(text), JSON.stringify(text));
  for (const text of ["5", "0", "1.50", ".5", "-3", "5s", "32KiB", "95%", "ubuntu-24.04", "nothing", "on-call", "a/b.qcow2", "10.0.0.0/24", "-a"]) assert.equal(scalar(text), text);
});

test("a comment that a change would lose is seen", () => {
  const text = "load:\n  profiles:\n    - {name: a}  # first\n    # slower\n    - {name: b}\n";
  const places = { load: 1, "load.profiles": 2, "load.profiles[0]": 3, "load.profiles[1]": 5 };
  assert.ok(!keepsComments(text, move(text, places, "load.profiles", 1, 0)));
  assert.ok(!keepsComments(text, move(text, places, "load.profiles", 0, -1)));
  assert.ok(keepsComments(text, append(text, places, "load.profiles", "{name: c}")));
  assert.ok(keepsComments(PROFILES, move(PROFILES, PLACES, "load.profiles", 1, 0)));
  const block = "rate:\n  - 1  # few\n  - 2\n";
  assert.ok(!keepsComments(block, change(block, { rate: 1 }, ["rate"], "[1, 2]")));
  assert.ok(keepsComments("a: 'x # y'\n", "a: z\n"));
  assert.ok(!keepsComments("a: 1  # x\nb: 2  # x\n", "a: 1  # x\n"));
  assert.ok(keepsComments(TEXT, change(TEXT, LINES, ["load", "rate"], "[1]")));
});
