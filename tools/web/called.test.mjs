// Which files are meant by names. Run by `make check-web`.
import assert from "node:assert/strict";
import test from "node:test";

import { files } from "../../kb_tests/web/static/lib/called.js";

const listed = [
  { name: "http", called: "acceptance-http" },
  { name: "mine", called: "demo-http" },
  { name: "demo-http", called: "demo-http" },
];

test("a scenario's own name means its file", () => {
  assert.deepEqual(files(listed, ["acceptance-http"]), ["http"]);
});

test("a file of that name is meant first", () => {
  assert.deepEqual(files(listed, ["demo-http", "mine"]), ["demo-http", "mine"]);
});

test("one file is meant once, and a name that nothing has stays", () => {
  assert.deepEqual(files(listed, ["http", "acceptance-http", "gone"]), ["http", "gone"]);
});
