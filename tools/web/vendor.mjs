// Makes kb_tests/web/static/vendor: one bundle of pinned packages, their licences, and the checksums of both;
// and tests/browser/vendor, what looks through the pages in tests.
// npm ci && npm run vendor
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const target = new URL("../../kb_tests/web/static/vendor/", import.meta.url);
const packages = ["preact", "@preact/signals", "@preact/signals-core", "htm"];
const file = (name, path) => readFileSync(new URL(`node_modules/${name}/${path}`, import.meta.url), "utf8");

const tried = new URL("../../tests/browser/vendor/", import.meta.url);

for (const folder of [target, tried]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
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
for (const name of ["axe.min.js", "LICENSE"]) copyFileSync(new URL(`node_modules/axe-core/${name}`, import.meta.url), new URL(name, tried));
for (const folder of [target, tried]) {
  const sums = readdirSync(folder).sort().map((name) => {
    const sum = createHash("sha256").update(readFileSync(new URL(name, folder))).digest("hex");
    return `${sum}  ${name}\n`;
  });
  writeFileSync(new URL("SHA256SUMS", folder), sums.join(""));
}
