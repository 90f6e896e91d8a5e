// The form of a scenario: which fields a kind of load has, where each stands in the file, and in which words.

/** @typedef {{ path: string[], before?: string, after?: string, is?: "list" | "yes" | "text", choices?: string[], wide?: boolean, label?: string, empty?: string }} Field */
/** @typedef {{ label: string, fields: Field[], there?: boolean }} Row `there`: shown where the file has it */

/** @param {string} path @param {string} [before] @param {string} [after] @param {Partial<Field>} [more] @returns {Field} */
const f = (path, before = "", after = "", more = {}) => ({ path: path.split("."), before, after, ...more });

const FLAVOR = { label: "Flavor", fields: [f("topology.flavor.vcpus", "", "vCPU"), f("topology.flavor.ram", "", "RAM")] };
const GENERATORS = { label: "Scale", fields: [f("load.clients.start", "from"), f("load.clients.step", "in steps of"), f("load.clients.stop_at_failure", "", "stop rising at the first failure", { is: "yes" })] };
const SEARCH = { label: "Capacity", there: true, fields: [f("load.capacity", "searched,")] };
const TIME = (/** @type {string} */ before) => ({ label: "Time", fields: [f(`load.${before}`, "", before === "ramp" ? "ramp," : "warm-up,"), f("load.duration", "", "measured,"), f("load.max_duration", "up to")] });
const LAST = [
  { label: "Achieved rate", fields: [f("sla.achieved", "≥", "of the offered")] },
  { label: "Error rate", fields: [f("sla.errors", "≤")] },
  { label: "Staging", fields: [f("sla.staging", "≤")] },
  { label: "Confidence", fields: [f("sla.confidence", "", "for all checks together")] },
];

/** What percentiles of times a kind limits, and where they stand. @type {Record<string, [string, string[]][]>} */
export const TIMES = {
  http: [["Response time", ["sla", "latency"]]],
  storage: [["Reads", ["sla", "read_latency"]], ["Writes", ["sla", "write_latency"]]],
};

/** @type {Record<string, { title: string, rows: Row[] }[]>} */
export const FORMS = {
  http: [
    { title: "Topology", rows: [
      { label: "Servers", fields: [f("topology.servers_per_network", "", "per network, and as many generators")] },
      { label: "Networks", fields: [f("topology.networks_per_router", "", "per router,"), f("topology.routers_per_tenant", "", "routers per tenant,"), f("topology.tenants", "", "tenants")] },
      FLAVOR,
      { label: "Servers run in", fields: [f("topology.placement.servers", "", "zones, or zone:host", { is: "list", wide: true, empty: "anywhere, Nova chooses" })] },
      { label: "Generators in", fields: [f("topology.placement.clients", "", "zones, or zone:host", { is: "list", wide: true, empty: "anywhere, Nova chooses" })] },
    ] },
    { title: "Load", rows: [
      { label: "Rates, each", fields: [f("load.rate", "", "req/s of each generator", { is: "list", wide: true })] },
      SEARCH,
      GENERATORS,
      TIME("warm_up"),
      { label: "Requests", fields: [f("load.page_size", "", "page,"), f("load.connections", "", "connections each"), f("load.tls", "", "HTTPS", { is: "yes" })] },
    ] },
    { title: "SLA", rows: LAST },
  ],
  storage: [
    { title: "Topology", rows: [
      { label: "Servers", fields: [f("topology.servers")] },
      { label: "Target", fields: [f("topology.target", "", "", { choices: ["volume", "ephemeral", "directory"] })] },
      { label: "Volume", fields: [f("topology.volume.size"), f("topology.volume.type", "of type"), f("topology.file_size", "", "of it are used")] },
      FLAVOR,
      { label: "Servers run in", fields: [f("topology.placement.servers", "", "zones, or zone:host", { is: "list", wide: true, empty: "anywhere, Nova chooses" })] },
    ] },
    { title: "Load", rows: [SEARCH, GENERATORS, TIME("ramp")] },
    { title: "SLA", rows: [{ label: "Longest stall", fields: [f("sla.max_stall", "≤")] }, ...LAST] },
  ],
};

/** Fields of one profile of fio. */
export const PROFILE = /** @type {[string, string][]} */ ([["name", "Name"], ["mode", "Mode"], ["block_size", "Block"], ["iodepth", "Depth"], ["rwmixread", "Reads, %"], ["rate_iops", "IOPS"], ["rate", "Rate"]]);
export const NEW_PROFILE = "{name: new profile, mode: randread, block_size: 4KiB, iodepth: 4, rate_iops: 100}";
