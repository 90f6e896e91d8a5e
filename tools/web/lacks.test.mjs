// What is said to be missing on a cloud is missing there, by what it listed itself.
import assert from "node:assert/strict";
import test from "node:test";
import { lacks } from "../../kb_tests/web/static/lib/lacks.js";

const HAS = { images: [{ name: "kb-node" }], flavors: [{ name: "small" }], networks: [{ name: "ext" }], routers: [], zones: [{ name: "nova" }], quotas: [{ name: "vcpus", used: 8, limit: 10 }, { name: "servers", used: 0, limit: 10 }], unlisted: {} };
const said = (options = {}, more = {}, has = {}) => lacks({ cloud: "west", options, ...more }, { needs: { vcpus: 2, servers: 5 } }, { ...HAS, ...has }, (name) => name.toUpperCase());

test("nothing is missed where all is there", () => {
  assert.deepEqual(said(), []);
  assert.deepEqual(said({ image: "kb-node", flavor: "small", external_network: "ext", availability_zone: "nova:c1" }), []);
});

test("what is not there is named, the image of its own with what to do", () => {
  assert.deepEqual(said({ flavor: "large", router: "r1" }), ["west lists no flavor large.", "west lists no router r1."]);
  assert.match(said({}, {}, { images: [] })[0], /^west lists no image kb-node: .*kb image upload\.$/);
});

test("what a cloud did not list is not missed", () => {
  assert.deepEqual(said({ image: "other" }, {}, { images: [], unlisted: { images: "HTTP 503" } }), []);
  assert.deepEqual(lacks({ cloud: "west", options: {} }, null, null, String), []);
  assert.deepEqual(said({ image: "0a0b0c0d-0000-4000-8000-000000000001", network: "0a0b0c0d000040008000000000000001" }), []); // ids
});

test("a quota is short where less is free than is needed, also where more is used than allowed", () => {
  assert.deepEqual(said({}, {}, { quotas: [{ name: "vcpus", used: 9, limit: 10 }, { name: "servers", used: 12, limit: 10 }] }), ["The quota of the project that clouds.yaml names has less free than this takes: VCPUS, SERVERS."]);
});

test("on what is kept nothing is made, and on two clouds nobody knows which half is where", () => {
  assert.deepEqual(said({ image: "gone" }, { reuse: "0a0b0c0d" }), []);
  assert.deepEqual(said({}, { testing_cloud: "other" }, { quotas: [{ name: "vcpus", used: 9, limit: 10 }] }), []);
});
