// Nothing in an address makes a page ask for anything but what it is about.
import assert from "node:assert/strict";
import { test } from "node:test";

const asked = [];
globalThis.localStorage = { getItem: () => "token" };
globalThis.fetch = async (path) => {
  asked.push(path);
  return new Response("{}", { headers: { "content-type": "application/json" } });
};
const { follow, get, remove } = await import("../../kb_tests/web/static/lib/api.js");

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

test("a session is followed on when another tab has the new token, and not told anew", async () => {
  const own = new EventTarget();
  globalThis.addEventListener = own.addEventListener.bind(own);
  globalThis.removeEventListener = own.removeEventListener.bind(own);
  const answers = [
    new Response('id: 7\ndata: {"kind":"log"}\n\n'),
    new Response("{}", { status: 401 }),
    new Response("{}", { status: 401 }),
    new Response('id: 8\ndata: {"kind":"end"}\n\nevent: end\ndata: {"broken_off":false}\n\n'),
  ];
  const cursors = [];
  globalThis.fetch = async (_, init) => {
    cursors.push(init.headers["last-event-id"]);
    return answers.shift();
  };
  const told = [];
  const take = () => setTimeout(() => own.dispatchEvent(new Event("storage")));
  const on = { events: (events) => told.push(...events.map((one) => one.kind)), now: () => {}, heard: () => {}, refused: (error) => { told.push(error.status); take(); }, end: () => told.push("over") };
  await follow("0a0b0c0d", on, new AbortController().signal);
  assert.deepEqual(told, ["log", 401, 401, "end", "over"]);
  assert.deepEqual(cursors, [undefined, "7", "7", "7"]);
});

test("who leaves the page waits for no token", async () => {
  globalThis.fetch = async () => new Response("{}", { status: 401 });
  const stop = new AbortController();
  await follow("0a0b0c0d", { refused: () => setTimeout(() => stop.abort()) }, stop.signal);
});
