"""A data plane without data: every server boots at once, runs nothing and answers nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from kb_tests.localcloud.driver import (
    DriverError,
    FloatingIp,
    Nic,
    Power,
    RouterSpec,
    Rule,
    ServerSpec,
    VolumeFaults,
    Way,
)


@dataclass
class NullDriver:
    """For tests of the API and of clients. Keeps what it was told, so that tests can look.

    `boot_seconds` is what a boot takes.
    """

    boot_seconds: float = 0.0
    name: str = "null"
    notes: tuple[str, ...] = ("Servers are entries in a list: nothing runs and nothing is connected.",)
    networks: dict[str, int] = field(default_factory=dict)
    routers: dict[str, RouterSpec] = field(default_factory=dict)
    servers: dict[str, ServerSpec] = field(default_factory=dict)
    powers: dict[str, Power] = field(default_factory=dict)
    rules: dict[str, tuple[Rule, ...] | None] = field(default_factory=dict)
    floating: dict[str, FloatingIp] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    attached: dict[tuple[str, str], str] = field(default_factory=dict)
    nics: dict[str, list[Nic]] = field(default_factory=dict)
    volume_faults: dict[str, VolumeFaults] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    links: dict[str, tuple[Way, Way]] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    limits: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)

    @property
    def floating_pool(self) -> tuple[IPv4Address, IPv4Address]:
        """Nobody listens on them, so that nobody else can mind."""
        return IPv4Address("127.77.1.1"), IPv4Address("127.77.255.254")

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def put_network(self, network_id: str, mtu: int) -> None:
        """Keep it."""
        self.networks[network_id] = mtu

    async def delete_network(self, network_id: str) -> None:
        """Forget it."""
        self.networks.pop(network_id, None)

    async def put_router(self, router: RouterSpec) -> None:
        """Keep it."""
        self.routers[router.id] = router

    async def delete_router(self, router_id: str) -> None:
        """Forget it."""
        self.routers.pop(router_id, None)

    async def prepare(self, server: ServerSpec) -> None:
        """Nothing to prepare."""

    async def boot(self, server: ServerSpec) -> None:
        """Running, after `boot_seconds`."""
        await asyncio.sleep(self.boot_seconds)
        self.servers[server.id] = server
        self.powers[server.id] = Power.RUNNING
        self.nics[server.id] = list(server.nics)

    async def power_off(self, server_id: str) -> None:
        """Stopped."""
        if server_id in self.powers:
            self.powers[server_id] = Power.STOPPED

    async def destroy(self, server_id: str) -> None:
        """Forget it."""
        self.servers.pop(server_id, None)
        self.powers.pop(server_id, None)
        self.nics.pop(server_id, None)

    async def crash(self, server_id: str) -> None:
        """As if its processes had ended by themselves."""
        self._server(server_id)
        self.powers[server_id] = Power.CRASHED

    async def freeze(self, server_id: str) -> None:
        """Keep that it is frozen."""
        self._server(server_id)
        self.frozen.add(server_id)

    async def thaw(self, server_id: str) -> None:
        """Forget it."""
        self.frozen.discard(server_id)

    async def pause(self, server_id: str) -> None:
        """As frozen."""
        await self.freeze(server_id)

    async def resume(self, server_id: str) -> None:
        """As thawed."""
        await self.thaw(server_id)

    async def cut_network(self, server_id: str, seconds: float) -> None:
        """Nothing to cut."""
        del seconds
        self._server(server_id)

    async def set_link(self, port_id: str, inward: Way, outward: Way) -> None:
        """Keep it."""
        self.links[port_id] = (inward, outward)

    async def limit_cpu(self, server_id: str, share: float) -> None:
        """Keep it."""
        self._server(server_id)
        self.shares[server_id] = share

    async def limit_volume(
        self, server_id: str, volume_id: str, iops: int | None, bandwidth: int | None = None
    ) -> None:
        """Keep it."""
        self._server(server_id)
        self.limits[volume_id] = (iops, bandwidth)

    async def fill_volume(self, volume_id: str, size: int | None) -> None:
        """Nothing to fill."""
        del volume_id, size

    async def power(self) -> dict[str, Power]:
        """All of them."""
        return dict(self.powers)

    async def console(self, server_id: str) -> str:
        """One line."""
        return f"{self._server(server_id).hostname} has no console: the driver is null.\n"

    def _server(self, server_id: str) -> ServerSpec:
        if server_id not in self.servers:
            raise DriverError(f"There is no server {server_id} here.")
        return self.servers[server_id]

    async def attach_nic(self, server_id: str, nic: Nic) -> None:
        """Keep it."""
        self._server(server_id)
        self.nics[server_id].append(nic)

    async def detach_nic(self, server_id: str, port_id: str) -> None:
        """Forget it."""
        self.nics[server_id] = [nic for nic in self.nics.get(server_id, ()) if nic.port_id != port_id]

    async def put_rules(self, port_id: str, rules: tuple[Rule, ...] | None, *, up: bool = True) -> None:  # noqa: ARG002
        """Keep them."""
        self.rules[port_id] = rules

    async def put_floating_ip(self, floating: FloatingIp) -> None:
        """Keep it."""
        self._server(floating.server_id)
        self.floating[floating.address] = floating

    async def delete_floating_ip(self, address: str) -> None:
        """Forget it."""
        self.floating.pop(address, None)

    async def put_volume(self, volume_id: str, size: int) -> None:
        """Keep its size."""
        self.volumes[volume_id] = size

    async def delete_volume(self, volume_id: str) -> None:
        """Forget it."""
        self.volumes.pop(volume_id, None)

    async def set_volume(self, volume_id: str, faults: VolumeFaults) -> None:
        """Keep it."""
        self.volume_faults[volume_id] = faults

    async def corrupt_volume(self, volume_id: str, every: int) -> int:
        """Nothing to corrupt."""
        return self.volumes[volume_id] // every

    async def attach_volume(self, server_id: str, volume_id: str, *, faulty: bool = False) -> str:
        """As vdb, vdc, ..."""
        del faulty
        self._server(server_id)
        if (server_id, volume_id) not in self.attached:
            count = sum(1 for server, _ in self.attached if server == server_id)
            self.attached[server_id, volume_id] = f"/dev/vd{chr(ord('b') + count % 25)}"
        return self.attached[server_id, volume_id]

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Forget it."""
        self.attached.pop((server_id, volume_id), None)
