// Makes kb_tests/web/static/vendor: one bundle of pinned packages, their licences, and the checksums of both.
// npm ci && npm run vendor
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const target = new URL("../../kb_tests/web/static/vendor/", import.meta.url);
const packages = ["preact", "@preact/signals", "@preact/signals-core", "htm"];
const file = (name, path) => readFileSync(new URL(`node_modules/${name}/${path}`, import.meta.url), "utf8");

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
await build({
  entryPoints: [new URL("entry.mjs", import.meta.url).pathname],
  outfile: new URL("preact.js", target).pathname,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  charset: "utf8",
});
const licences = packages.map((name) => {
  const about = JSON.parse(file(name, "package.json"));
  return `${name} ${about.version} (${about.license})\n\n${file(name, "LICENSE").trim()}\n`;
});
writeFileSync(new URL("licences.txt", target), licences.join(`\n${"-".repeat(80)}\n\n`));
copyFileSync(new URL("preact.d.ts", import.meta.url), new URL("preact.d.ts", target));
const sums = readdirSync(target).sort().map((name) => {
  const sum = createHash("sha256").update(readFileSync(new URL(name, target))).digest("hex");
  return `${sum}  ${name}\n`;
});
writeFileSync(new URL("SHA256SUMS", target), sums.join(""));
