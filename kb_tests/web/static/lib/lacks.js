// What a start would find missing on a cloud, as far as that tells what it has: said before, the start stays the judge.

/** @param {any[]} [found] */
const names = (found) => (found ?? []).map((one) => one.name);

/** The image that is taken where none is named. */
const IMAGE = "kb-node";
/** What is named by its id may be there under any name. */
const ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/**
 * A sentence for each. What a cloud did not list is not missed, and on what is kept nothing is made.
 * @param {any} asked as POST /plans takes it @param {any} plan @param {any} has what the cloud has, with `unlisted`; null while it was not heard
 * @param {(quota: string) => string} called a quota for people @returns {string[]}
 */
export const lacks = (asked, plan, has, called) => {
  if (!has || asked.reuse) return [];
  const { image, flavor, external_network: outside, network, router, availability_zone: zone } = asked.options;
  /** @type {[string, string, any[], string][]} */
  const sought = [["image", image || IMAGE, has.images, "images"], ["flavor", flavor, has.flavors, "flavors"], ["external network", outside, has.networks, "networks"], ["network", network, has.networks, "networks"], ["router", router, has.routers, "routers"], ["availability zone", zone?.split(":")[0], has.zones, "zones"]];
  const missing = sought.filter(([, name, there, kind]) => name && !ID.test(name) && !has.unlisted?.[kind] && !names(there).includes(name));
  const over = asked.testing_cloud ? [] : has.quotas.filter((/** @type {any} */ one) => (plan?.needs[one.name] ?? 0) > Math.max(0, one.limit - one.used));
  return [
    ...missing.map(([what, name]) => `${asked.cloud} lists no ${what} ${name}${what === "image" && !image ? ": choose one of its images, or put this one there with kb image upload" : ""}.`),
    ...(over.length ? [`The quota of the project that clouds.yaml names has less free than this takes: ${over.map((/** @type {any} */ one) => called(one.name)).join(", ")}.`] : []),
  ];
};
