"""From a scenario to networks, addresses and counts: pure, nothing is asked of a cloud.

All addresses lie in 198.18.0.0/15, which RFC 2544 sets aside for benchmarks: no route of the
controller's or the cloud's network is meant to be one of them. The lower half is the client
subnet's, the upper half the servers'. A router's server subnets fill one supernet, so that a single
route in the client subnet leads to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from kb_tests.cloud.topology import Role
from kb_tests.errors import ScenarioError
from kb_tests.scenario.base import Flavor

MAX_HOST_ROUTES = 20
"""Neutron's default for `max_subnet_host_routes`."""

CLIENT_SPACE = IPv4Network("198.18.0.0/16")
SERVER_SPACE = IPv4Network("198.19.0.0/16")

SPARE_ADDRESSES = 6
"""Addresses of a subnet beside gateway and servers: DHCP and metadata ports, a server made anew."""

_LARGEST_PREFIX = 28


@dataclass(frozen=True)
class NetworkPlan:
    """A network with one subnet; `servers` of role `role` get addresses from `first` to `last`.

    `tenant` counts from 1; 0 is the clients' side. The servers are dealt to `places` (`zone` or `zone:host`)
    in turn; with none, Nova chooses.
    """

    name: str
    tenant: int
    role: Role
    cidr: str
    gateway: str
    first: str
    last: str
    servers: int
    places: tuple[str, ...] = ()

    @property
    def dealt(self) -> tuple[tuple[str, int], ...]:
        """(place or "", how many servers), without places that get none."""
        places = self.places[: self.servers] or ("",)
        share, more = divmod(self.servers, len(places))
        dealt = ((place, share + (index < more)) for index, place in enumerate(places))
        return tuple((place, count) for place, count in dealt if count)


@dataclass(frozen=True)
class RouterPlan:
    """A router of HTTP servers: its leg in the client network, and the supernet behind it."""

    name: str
    tenant: int
    leg: str
    supernet: str
    networks: tuple[NetworkPlan, ...]


@dataclass(frozen=True)
class VolumePlan:
    """The Cinder volume of each storage server: bytes (whole GiB), and a type or "" for the default."""

    size: int
    type: str


@dataclass(frozen=True)
class Needs:
    """What a project must have room for; `ram` in MiB, `gibibytes` of all volumes. Of `security_groups` those
    that the run makes, beside the project's default one.
    """

    servers: int = 0
    vcpus: int = 0
    ram: int = 0
    networks: int = 0
    subnets: int = 0
    ports: int = 0
    routers: int = 0
    floating_ips: int = 0
    security_groups: int = 0
    security_group_rules: int = 0
    volumes: int = 0
    gibibytes: int = 0

    def __add__(self, other: Needs) -> Needs:
        return Needs(**{name: getattr(self, name) + getattr(other, name) for name in self.__annotations__})


@dataclass(frozen=True)
class Existing:
    """What of the cloud's own a run uses as it is, by id; "" where it makes its own.

    On a `network`, by its `subnet`, are proxy and clients, and the networks of HTTP servers hang on its
    `router`. Without, the client network hangs on `router`. `external` is the network behind that, `mtu` the
    network's in bytes.
    """

    router: str = ""
    external: str = ""
    network: str = ""
    subnet: str = ""
    mtu: int = 0


@dataclass(frozen=True)
class Layout:
    """What will be staged for a scenario. Names lack the `kb-{run}-` that staging puts before them.

    `clients` is the network of the proxy and of the servers that make the load: traffic generators
    or, in a storage scenario, storage servers, each with a `volume` where that is not None. With `outside`
    every HTTP server has a floating IP, and is loaded from another cloud. `existing` is what is not made.
    With `online` every server has a way out, by `nameservers` where Neutron offers none.
    """

    scenario: str
    flavor: Flavor
    clients: NetworkPlan
    routers: tuple[RouterPlan, ...]
    proxy_address: str
    volume: VolumePlan | None = None
    outside: bool = False
    existing: Existing = Existing()
    online: bool = False
    nameservers: tuple[str, ...] = ()

    @property
    def tenants(self) -> range:
        """Numbers of the tenants with HTTP servers."""
        return range(1, max((router.tenant for router in self.routers), default=0) + 1)

    @property
    def networks(self) -> tuple[NetworkPlan, ...]:
        """All server networks."""
        return tuple(network for router in self.routers for network in router.networks)

    @property
    def places(self) -> tuple[str, ...]:
        """Every place that a server is sent to."""
        used = [place for plan in (self.clients, *self.networks) for place, _ in plan.dealt if place]
        return tuple(dict.fromkeys(used))

    @property
    def forces_hosts(self) -> bool:
        """Whether a place names a host, which Nova takes from admins alone."""
        return any(":" in place for place in self.places)

    @property
    def host_routes(self) -> tuple[tuple[str, str], ...]:
        """(destination, next hop) for every client: one supernet for each server router."""
        return tuple((router.supernet, router.leg) for router in self.routers)

    @property
    def run_subnets(self) -> tuple[str, ...]:
        """CIDRs from which agents come to the proxy."""
        return (self.clients.cidr, *(router.supernet for router in self.routers))

    @property
    def gateways(self) -> int:
        """Routers with an address on the external network."""
        own = not (self.existing.router or self.existing.network)
        return own + (len(self.routers) if self.ways_out else 0)

    @property
    def ways_out(self) -> bool:
        """Whether server routers of the run's own have an external gateway."""
        return self.outside or (self.online and not self.existing.network)

    def needs_of(self, tenant: int) -> Needs:
        """What one project of the run must hold; tenant 0 has the clients and the proxy."""
        routers = [router for router in self.routers if router.tenant == tenant]
        networks = [network for router in routers for network in router.networks]
        if tenant == 0:
            servers = self.clients.servers + 1
            return Needs(
                servers=servers,
                vcpus=servers * self.flavor.vcpus,
                ram=servers * mebibytes(self.flavor.ram),
                networks=0 if self.existing.network else 1,
                subnets=0 if self.existing.network else 1,
                ports=servers + 1 + SPARE_ADDRESSES,
                routers=0 if self.existing.router or self.existing.network else 1,
                floating_ips=1,
                security_groups=2,
                security_group_rules=16 + len(self.run_subnets),
                volumes=self.clients.servers if self.volume else 0,
                gibibytes=self.clients.servers * (self.volume.size >> 30) if self.volume else 0,
            )
        servers = sum(network.servers for network in networks)
        return Needs(
            servers=servers,
            vcpus=servers * self.flavor.vcpus,
            ram=servers * mebibytes(self.flavor.ram),
            networks=len(networks),
            subnets=len(networks),
            ports=servers + len(routers) + len(networks) * (1 + SPARE_ADDRESSES),
            routers=0 if self.existing.network else len(routers),
            floating_ips=servers if self.outside else 0,
            security_groups=len(networks),
            security_group_rules=6 + 6 * len(networks),
        )

    @property
    def needs(self) -> Needs:
        """What all projects together must hold."""
        return sum((self.needs_of(tenant) for tenant in self.tenants), self.needs_of(0))


def mebibytes(size: int) -> int:
    """A size in bytes as whole MiB, rounded up: Nova's unit of RAM."""
    return -(-size // (1 << 20))


def apart(layout: Layout) -> tuple[Layout, Layout]:
    """The layout of an HTTP scenario on two clouds: that of the servers, which have floating IPs, and that of
    the generators. Either has a proxy.
    """
    if layout.clients.role is not Role.CLIENT:
        raise ScenarioError(
            f"Scenario {layout.scenario} has no traffic generators to put on another cloud.",
            remedy="Load it without --kb-testing-cloud.",
        )
    servers = replace(layout, clients=replace(layout.clients, servers=0), outside=True)
    return servers, replace(layout, routers=())


def client_network(
    scenario: str, name: str, role: Role, servers: int, routers: int
) -> tuple[NetworkPlan, str]:
    """The client network and the proxy's address in it: after the gateway and the routers' legs."""
    reserved = 2 + routers
    prefix = min(prefix_for(reserved + servers + SPARE_ADDRESSES), 24)
    if prefix < CLIENT_SPACE.prefixlen:
        raise ScenarioError(
            f"Scenario {scenario} asks for {servers} servers in one network; {CLIENT_SPACE} is the largest.",
            remedy="Use fewer servers.",
        )
    cidr = next(CLIENT_SPACE.subnets(new_prefix=prefix))
    proxy = cidr.network_address + reserved
    return network(name, 0, role, cidr, servers, first=proxy + 1), str(proxy)


def prefix_for(hosts: int) -> int:
    """The longest prefix with that many addresses beside the network's and the broadcast one."""
    return min(32 - (hosts + 1).bit_length(), _LARGEST_PREFIX)


def network(
    name: str, tenant: int, role: Role, cidr: IPv4Network, servers: int, first: IPv4Address | None = None
) -> NetworkPlan:
    """A network whose addresses go to `servers`, from `first` on, or from behind the gateway."""
    gateway = cidr.network_address + 1
    last = cidr.broadcast_address - 1
    return NetworkPlan(
        name, tenant, role, str(cidr), str(gateway), str(first or gateway + 1), str(last), servers
    )
