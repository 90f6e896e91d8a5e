"""From the API's state to the driver's calls: routers, rules, floating IPs.

Rules are pushed by one task that gathers changes: a hundred new members of a remote group are one
push per port, not a hundred.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from kb_tests.localcloud.driver import Driver, DriverError, FloatingIp, Nic, RouterPort, RouterSpec, Rule
from kb_tests.localcloud.neutron.state import (
    INTERFACES,
    FloatingAddress,
    GroupRule,
    Networking,
    Port,
    Router,
)

log = logging.getLogger(__name__)

FLOATING_SOURCES = (IPv4Network("203.0.113.1/32"), IPv4Network("127.77.0.0/16"))
"""Where connections through a floating IP come from, as servers see it: from this machine itself, and from
the gateways of local clouds.
"""

_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp"}


@dataclass
class DataPlane:
    """`live` are the servers that the driver has booted; `pushed` what it has by port: whether that is up,
    and the rules.
    """

    networking: Networking
    driver: Driver
    live: set[str] = field(default_factory=set)
    pushed: dict[str, tuple[bool, tuple[Rule, ...] | None]] = field(default_factory=dict)
    _groups: set[str] = field(default_factory=set)
    _ports: set[str] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def nic(self, port: Port) -> Nic:
        """A port as the driver needs it, with what DHCP would tell."""
        subnet_id, address = port.fixed_ips[0]
        subnet = self.networking.subnets[subnet_id]
        return Nic(
            port_id=port.id,
            network_id=port.network_id,
            mac=port.mac_address,
            address=address,
            prefix=subnet.cidr.prefixlen,
            gateway=str(subnet.gateway_ip) if subnet.gateway_ip else None,
            routes=tuple(subnet.host_routes),
            mtu=self.networking.networks[port.network_id].mtu,
        )

    async def push_router(self, router: Router) -> None:
        """Its legs in networks that have a segment, its routes and its gateway. One that is down has none of
        them, as where Neutron's L3 agent removes it; nor has a router the leg of a port that is down.
        """
        if not router.admin_state_up:
            await self.driver.put_router(RouterSpec(router.id, ()))
            return
        legs = []
        for port in self.networking.device_ports(router.id):
            if port.device_owner not in INTERFACES or not port.admin_state_up:
                continue
            subnet_id, address = port.fixed_ips[0]
            prefix = self.networking.subnets[subnet_id].cidr.prefixlen
            legs.append(RouterPort(port.id, port.network_id, port.mac_address, address, prefix))
        outer = self.networking.ports[router.gateway].fixed_ips if router.gateway else []
        gateway = outer[0][1] if outer else None
        await self.driver.put_router(RouterSpec(router.id, tuple(legs), tuple(router.routes), gateway))

    def members_changed(self, *group_ids: str) -> None:
        """Ports came into or left these groups, or changed address: whoever names them as remote is to
        be told.
        """
        self._groups.update(group_ids)
        self._wake.set()

    def rules_changed(self, group_id: str) -> None:
        """The rules of a group changed: its ports are to be told."""
        self._ports.update(self.networking.ports_of_group.get(group_id, ()))
        self._wake.set()

    def port_changed(self, port: Port) -> None:
        """A port got other groups, lost port security, or was set up or down."""
        self._ports.add(port.id)
        self.members_changed(*port.security_groups)

    async def run(self) -> None:
        """Push what has changed, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            groups, self._groups = self._groups, set()
            ports, self._ports = self._ports, set()
            for group in self.networking.groups.values():
                if any(rule.remote_group_id in groups for rule in group.rules.values()):
                    ports |= self.networking.ports_of_group.get(group.id, set())
            try:
                await self._push_ports(ports)
            except DriverError as error:
                log.warning("security group rules were not applied: %s", error)
            except Exception:
                log.exception("security group rules were not applied")

    async def _push_ports(self, port_ids: set[str]) -> None:
        members: dict[str, tuple[str, ...]] = {}
        for port_id in port_ids:
            port = self.networking.ports.get(port_id)
            if port is None or port.device_id not in self.live:
                continue
            await self._push_rules(port, members)
            await self.push_floating_of(port)

    async def before_boot(self, ports: list[Port]) -> None:
        """The rules of ports that are about to exist."""
        members: dict[str, tuple[str, ...]] = {}
        for port in ports:
            await self._push_rules(port, members)

    async def after_boot(self, server_id: str) -> None:
        """The server runs: its ports are active, and reachable by their floating IPs."""
        self.live.add(server_id)
        for port in self.networking.device_ports(server_id):
            port.active = True
            port.touch()
            await self.push_floating_of(port)

    def gone(self, server_id: str) -> None:
        """The server no longer exists."""
        self.live.discard(server_id)
        for port in self.networking.device_ports(server_id):
            self.pushed.pop(port.id, None)
            port.active = False

    async def _push_rules(self, port: Port, members: dict[str, tuple[str, ...]]) -> None:
        state = (port.admin_state_up, self._resolve(port, members))
        if self.pushed.get(port.id) == state:
            return
        self.pushed[port.id] = state
        await self.driver.put_rules(port.id, state[1], up=state[0])

    def _resolve(self, port: Port, members: dict[str, tuple[str, ...]]) -> tuple[Rule, ...] | None:
        if not port.port_security:
            return None
        rules = [
            rule for group in port.security_groups for rule in self.networking.groups[group].rules.values()
        ]
        resolved = []
        for rule in rules:
            if rule.ethertype != "IPv4":
                continue
            remotes: tuple[str, ...] = (rule.remote_ip_prefix,) if rule.remote_ip_prefix else ()
            if rule.remote_group_id:
                if rule.remote_group_id not in members:
                    members[rule.remote_group_id] = self._addresses(rule.remote_group_id)
                remotes = members[rule.remote_group_id]
                if not remotes:
                    continue
            resolved.append(Rule(rule.direction, protocol_name(rule), rule.port_min, rule.port_max, remotes))
        return tuple(resolved)

    def _addresses(self, group_id: str) -> tuple[str, ...]:
        ports = (self.networking.ports[port] for port in self.networking.ports_of_group.get(group_id, ()))
        return tuple(sorted(f"{address}/32" for port in ports for _, address in port.fixed_ips))

    async def push_floating_of(self, port: Port) -> None:
        """The floating IPs that lead to a port; one that cannot be so is in ERROR."""
        for floating in list(self.networking.floating.values()):
            if floating.port_id == port.id:
                try:
                    await self.push_floating(floating)
                except DriverError as error:
                    log.warning("%s", error)

    async def push_floating(self, floating: FloatingAddress) -> None:
        """Open its address for what the port's groups let in from outside. Raises `DriverError`."""
        port = self.networking.ports.get(floating.port_id or "")
        if port is None or port.device_id not in self.live or floating.fixed_address is None:
            return
        floating.broken = True
        await self.driver.put_floating_ip(
            FloatingIp(floating.address, port.device_id, floating.fixed_address, self._open_ports(port))
        )
        floating.broken = False

    def _open_ports(self, port: Port) -> tuple[tuple[int, int], ...]:
        if not port.port_security:
            return ((1, 65535),)
        ranges = set()
        for group in port.security_groups:
            for rule in self.networking.groups[group].rules.values():
                if rule.direction == "ingress" and rule.ethertype == "IPv4" and _from_outside(rule):
                    ranges.add((rule.port_min or 1, rule.port_max or 65535))
        return tuple(sorted(ranges))


def protocol_name(rule: GroupRule) -> str | None:
    """The protocol by name where it has one; None is any."""
    return _PROTOCOLS.get(rule.protocol or "", rule.protocol)


def _from_outside(rule: GroupRule) -> bool:
    if rule.remote_group_id or protocol_name(rule) not in (None, "tcp"):
        return False
    if rule.remote_ip_prefix is None:
        return True
    return any(IPv4Network(rule.remote_ip_prefix).overlaps(source) for source in FLOATING_SOURCES)
