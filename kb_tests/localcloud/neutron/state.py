"""Networks, subnets, ports, routers, security groups, floating IPs and quotas."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from kb_tests.localcloud.times import now

QUOTAS = {
    "network": 100,
    "subnet": 100,
    "subnetpool": -1,
    "port": 500,
    "router": 10,
    "floatingip": 50,
    "security_group": 10,
    "security_group_rule": 100,
    "rbac_policy": 10,
}
"""Neutron's defaults; -1 is no limit."""

DHCP = "network:dhcp"
INTERFACE = "network:router_interface"
HA_INTERFACE = "network:ha_router_replicated_interface"
DVR_INTERFACE = "network:router_interface_distributed"
INTERFACES = frozenset({INTERFACE, HA_INTERFACE, DVR_INTERFACE})
"""What a port of a router is called that was added as an interface, by what the router is."""
HA_PORT = "network:router_ha_interface"
SNAT = "network:router_centralized_snat"
GATEWAY = "network:router_gateway"
FLOATING = "network:floatingip"
OF_ROUTERS = INTERFACES | {HA_PORT, SNAT, GATEWAY}
"""Ports that the port API does not delete."""


def new_id() -> str:
    """A UUID."""
    return str(uuid.uuid4())


@dataclass(kw_only=True)
class Resource:
    """What all of them have."""

    id: str = field(default_factory=new_id)
    project_id: str
    name: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    revision: int = 0

    def touch(self) -> None:
        """Count a change."""
        self.updated = now()
        self.revision += 1


@dataclass(kw_only=True)
class Network(Resource):
    """A layer-2 segment; the external one has no segment in the data plane."""

    mtu: int
    segmentation_id: int
    external: bool = False
    shared: bool = False
    admin_state_up: bool = True
    port_security: bool = True
    ha: bool = False


@dataclass(kw_only=True)
class Subnet(Resource):
    """Addresses of a network. `used` holds those taken, as integers."""

    network_id: str
    cidr: IPv4Network
    gateway_ip: IPv4Address | None
    pools: list[tuple[IPv4Address, IPv4Address]]
    enable_dhcp: bool = True
    host_routes: list[tuple[str, str]] = field(default_factory=list)
    dns_nameservers: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    _hint: int = 0

    def allocate(self) -> str | None:
        """The next free address of the pools, or None when there is none."""
        for first, last in self.pools:
            start = max(int(first), self._hint)
            for span in (range(start, int(last) + 1), range(int(first), min(start, int(last) + 1))):
                for candidate in span:
                    if candidate not in self.used:
                        self.used.add(candidate)
                        self._hint = candidate + 1
                        return str(IPv4Address(candidate))
        return None


@dataclass(kw_only=True)
class Port(Resource):
    """`fixed_ips` are (subnet id, address)."""

    network_id: str
    mac_address: str
    fixed_ips: list[tuple[str, str]]
    device_id: str = ""
    device_owner: str = ""
    host: str = ""
    security_groups: list[str] = field(default_factory=list)
    port_security: bool = True
    admin_state_up: bool = True
    active: bool = False
    allowed_address_pairs: list[dict[str, object]] = field(default_factory=list)
    extra_dhcp_opts: list[dict[str, object]] = field(default_factory=list)


@dataclass(kw_only=True)
class Router(Resource):
    """`gateway` is the id of its port on the external network; `routes` are (destination, next hop)."""

    gateway: str | None = None
    ha: bool = False
    distributed: bool = False
    enable_snat: bool = True
    admin_state_up: bool = True
    routes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def interface(self) -> str:
        """The owner of the ports that are added as its interfaces."""
        if self.distributed:
            return DVR_INTERFACE
        return HA_INTERFACE if self.ha else INTERFACE


@dataclass(frozen=True, kw_only=True)
class DefaultRule:
    """A rule that new security groups get: the one called `default`, others, or all. A `remote_group_id` of
    `PARENT` is the new group itself.
    """

    id: str = field(default_factory=new_id)
    description: str = ""
    direction: str
    ethertype: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    used_in_default_sg: bool
    used_in_non_default_sg: bool

    @property
    def meaning(self) -> tuple[object, ...]:
        """What two rules have in common of which one is enough."""
        return (
            self.direction, self.ethertype, self.protocol, self.port_min, self.port_max,
            self.remote_ip_prefix, self.remote_group_id,
        )  # fmt: skip


PARENT = "PARENT"


def _first_rules() -> dict[str, DefaultRule]:
    """Everything out, and members of the group called `default` in."""
    rules = [
        DefaultRule(direction="egress", ethertype=kind, used_in_default_sg=True, used_in_non_default_sg=True)
        for kind in ("IPv4", "IPv6")
    ]
    rules += [
        DefaultRule(
            direction="ingress",
            ethertype=kind,
            remote_group_id=PARENT,
            used_in_default_sg=True,
            used_in_non_default_sg=False,
        )
        for kind in ("IPv4", "IPv6")
    ]
    return {rule.id: rule for rule in rules}


@dataclass(kw_only=True)
class GroupRule(Resource):
    """A rule of a security group."""

    group_id: str
    direction: str
    ethertype: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote_ip_prefix: str | None
    remote_group_id: str | None


@dataclass(kw_only=True)
class SecurityGroup(Resource):
    """A named set of rules."""

    rules: dict[str, GroupRule] = field(default_factory=dict)
    stateful: bool = True


@dataclass(kw_only=True)
class FloatingAddress(Resource):
    """`own_port` is its port on the external network, `port_id` the one it leads to; `broken` says that the
    data plane could not make it so.
    """

    network_id: str
    address: str
    own_port: str
    port_id: str | None = None
    fixed_address: str | None = None
    router_id: str | None = None
    broken: bool = False


@dataclass
class Networking:
    """All of Neutron's state."""

    networks: dict[str, Network] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    routers: dict[str, Router] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    default_rules: dict[str, DefaultRule] = field(default_factory=_first_rules)
    floating: dict[str, FloatingAddress] = field(default_factory=dict)
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)
    ports_of_device: dict[str, set[str]] = field(default_factory=dict)
    ports_of_group: dict[str, set[str]] = field(default_factory=dict)
    ports_of_network: dict[str, set[str]] = field(default_factory=dict)
    _segment: int = 0

    def next_segment(self) -> int:
        """A new segmentation id."""
        self._segment += 1
        return self._segment

    def subnets_of(self, network_id: str) -> list[Subnet]:
        """The subnets of a network, oldest first."""
        return [subnet for subnet in self.subnets.values() if subnet.network_id == network_id]

    def network_ports(self, network_id: str) -> list[Port]:
        """The ports of a network."""
        return [self.ports[port] for port in self.ports_of_network.get(network_id, ())]

    def device_ports(self, device_id: str) -> list[Port]:
        """The ports of a server or router, oldest first."""
        ports = [self.ports[port] for port in self.ports_of_device.get(device_id, ())]
        return sorted(ports, key=lambda port: port.created)

    def add_port(self, port: Port) -> None:
        """Keep a port; its addresses are already taken from their subnets."""
        self.ports[port.id] = port
        self.ports_of_network.setdefault(port.network_id, set()).add(port.id)
        self._index(port)

    def remove_port(self, port: Port) -> None:
        """Forget a port and give its addresses back; nothing, if it is gone already."""
        if self.ports.pop(port.id, None) is None:
            return
        self.release(port.fixed_ips)
        self._unindex(port)
        self.ports_of_network.get(port.network_id, set()).discard(port.id)

    def rebind(self, port: Port, device_id: str, device_owner: str, host: str = "") -> None:
        """Give a port to another device, or to none."""
        self._unindex(port)
        port.device_id, port.device_owner, port.host = device_id, device_owner, host
        port.active = False
        self._index(port)
        port.touch()

    def regroup(self, port: Port, groups: Iterable[str]) -> None:
        """Put a port into other security groups."""
        self._unindex(port)
        port.security_groups = list(groups)
        self._index(port)
        port.touch()

    def release(self, fixed_ips: Iterable[tuple[str, str]]) -> None:
        """Give addresses back."""
        for subnet_id, address in fixed_ips:
            if subnet_id in self.subnets:
                self.subnets[subnet_id].used.discard(int(IPv4Address(address)))

    def _index(self, port: Port) -> None:
        if port.device_id:
            self.ports_of_device.setdefault(port.device_id, set()).add(port.id)
        for group in port.security_groups:
            self.ports_of_group.setdefault(group, set()).add(port.id)

    def _unindex(self, port: Port) -> None:
        self.ports_of_device.get(port.device_id, set()).discard(port.id)
        for group in port.security_groups:
            self.ports_of_group.get(group, set()).discard(port.id)

    def used(self, kind: str, project_id: str) -> int:
        """How many resources of a kind a project has."""
        kinds: dict[str, Iterable[Resource]] = {
            "network": self.networks.values(),
            "subnet": self.subnets.values(),
            "port": self.ports.values(),
            "router": self.routers.values(),
            "floatingip": self.floating.values(),
            "security_group": self.groups.values(),
            "security_group_rule": (rule for group in self.groups.values() for rule in group.rules.values()),
        }
        return sum(1 for resource in kinds.get(kind, ()) if resource.project_id == project_id)

    def limit(self, kind: str, project_id: str) -> int:
        """The quota of a project; -1 is none."""
        return self.quotas.get(project_id, {}).get(kind, QUOTAS[kind])


def new_mac() -> str:
    """A MAC address under Neutron's prefix."""
    tail = secrets.token_bytes(3)
    return "fa:16:3e:" + ":".join(f"{byte:02x}" for byte in tail)
