// Which points of very many a live page shows, and what it says of the others.

/** Rungs on either side of the one that runs which are shown of very many. */
const NEAR = 40;

/** Of very many rungs those around the one that runs, and some of those that came to no good. @param {any[]} rungs */
export const near = (rungs) => {
  if (rungs.length <= 3 * NEAR) return rungs;
  const at = Math.max(0, rungs.findIndex((one) => one.current || ["", "running"].includes(one.outcome)));
  const bad = new Set(rungs.filter((one) => !["", "running", "pass", "measured"].includes(one.outcome)).slice(-NEAR));
  return rungs.filter((one, i) => Math.abs(i - at) <= NEAR || bad.has(one));
};

/** What those that are not shown came to: "120 fail, 3 lost, 40 to come". @param {any[]} rungs @param {any[]} shown */
export const others = (rungs, shown) => {
  const there = new Set(shown);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { outcome } of rungs.filter((one) => !there.has(one))) {
    const word = ["", "running"].includes(outcome) ? "to come" : outcome.replaceAll("_", " ");
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const last = ["measured", "pass", "to come"];
  return [...counts].sort(([a], [b]) => last.indexOf(a) - last.indexOf(b)).map(([word, count]) => `${count.toLocaleString("en-US")} ${word}`).join(", ");
};
