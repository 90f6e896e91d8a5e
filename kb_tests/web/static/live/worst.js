// Which limit broke worst, and where, while no record says so: by the same rule as kb_tests/report/worst.py.

/** Where a check lies on the limit line; as the server does it. @param {any} check */
export const bound = (check) => {
  if (!check) return null;
  const share = check.unit === "" && !check.at_most;
  const place = (/** @type {any} */ given) => {
    const value = Number(given);
    if (Number.isNaN(value)) return null;
    const found = check.at_most ? (check.limit ? value / check.limit : value <= 0 ? 0 : 1000) : share ? Math.max(0, 1 - value) / (1 - check.limit || 1e-9) : value ? check.limit / value : 1000;
    return Math.min(1000, Math.max(0, found));
  };
  if (!check.limit) return { low: null, at: place(check.value), high: null };
  const [low, high] = [place(check.low), place(check.high)].sort((a, b) => (a ?? 0) - (b ?? 0));
  return { low, at: place(check.value), high };
};

/** Of limits that broke alike: lost data before failures, these before rates, those before times. */
const FIRST = ["verify", "recovery", "errors", "connections", "achieved"];

/** The checks that failed, the one furthest over its limit first. @param {any} point @returns {any[]} */
export const worstFirst = (point) => {
  const broken = (point?.checks ?? []).filter((/** @type {any} */ check) => check.outcome === "fail");
  const lost = broken.some((/** @type {any} */ check) => check.unit === "");
  const told = (/** @type {any} */ check) => lost && check.unit === "s" && !FIRST.includes(check.name) && Number(check.value) === Infinity;
  const rank = (/** @type {any} */ check) => [Number(check.name !== "verify"), Number(told(check)), -(bound(check)?.at ?? 0), (FIRST.indexOf(check.name) + FIRST.length + 1) % (FIRST.length + 1)];
  return broken.sort((/** @type {any} */ a, /** @type {any} */ b) => {
    const [one, other] = [rank(a), rank(b)];
    const place = one.findIndex((value, i) => value !== other[i]);
    return place < 0 ? 0 : one[place] - other[place];
  });
};

/** The failed point whose worst limit broke most, the least load of those that broke alike; else the first that is no pass. @param {any[]} points */
export const worstPoint = (points) => {
  const worst = points.filter((point) => !["", "pass", "not_run", "lost", "measured"].includes(point.outcome));
  const over = (/** @type {any} */ point) => bound(worstFirst(point)[0])?.at ?? 0;
  const broke = worst.filter((point) => point.outcome === "fail").sort((a, b) => over(b) - over(a) || a.offered - b.offered);
  return broke[0] ?? worst[0];
};
