// Nothing in an address makes a page ask for anything but what it is about.
import assert from "node:assert/strict";
import { test } from "node:test";

const asked = [];
globalThis.localStorage = { getItem: () => "token" };
globalThis.fetch = async (path) => {
  asked.push(path);
  return new Response("{}", { headers: { "content-type": "application/json" } });
};
const { get, remove } = await import("../../kb_tests/web/static/lib/api.js");

test("a name that leads elsewhere is asked for nowhere", async () => {
  for (const name of ["..", ".", "../../etc", "%2e%2e/x", ".%2E", "a/../../../b"]) {
    await assert.rejects(get(`/runs/${name}/points/p`), { status: 404 }, name);
    await assert.rejects(remove(`/runs/${name}`), { status: 404 }, name);
  }
  assert.deepEqual(asked, []);
});

test("names with dots are names, and a query may say anything", async () => {
  for (const path of ["/runs/a..b", "/clouds/west.1", "/runs?q=/../x", "/scenarios/...", "/runs/..."]) await get(path);
  assert.deepEqual(asked, ["/runs/a..b", "/clouds/west.1", "/runs?q=/../x", "/scenarios/...", "/runs/..."].map((path) => `/api/v1${path}`));
});
