"""What the API services ask of a data plane.

One implementation per file: `null` (nothing happens, for API tests), `netns` (namespaces, bridges,
real processes). The services hold all state and call the driver from one asyncio loop; a driver
holds only what runs. Every call is idempotent, raises `DriverError` with one sentence, and knows
resources by their API ids alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Protocol, runtime_checkable


class DriverError(Exception):
    """The data plane could not do what was asked."""


class Power(StrEnum):
    """What a server's processes do now."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Nic:
    """A port as the data plane needs it; `routes` are (destination CIDR, next hop), option 121."""

    port_id: str
    network_id: str
    mac: str
    address: str
    prefix: int
    gateway: str | None
    routes: tuple[tuple[str, str], ...] = ()
    mtu: int = 1500


@dataclass(frozen=True)
class ServerSpec:
    """A server to boot. `user_data` is as given by the user, decoded; `meta_data` is the JSON object
    served at 169.254.169.254/openstack/latest/meta_data.json and on the config drive.
    `image` is the Glance id; the driver knows only images that are this machine's own root.
    """

    id: str
    name: str
    hostname: str
    vcpus: int
    ram_mib: int
    nics: tuple[Nic, ...]
    user_data: bytes
    meta_data: dict[str, object]
    public_keys: tuple[str, ...]
    hypervisor: str


@dataclass(frozen=True)
class Rule:
    """A security group rule, resolved: `remotes` are the CIDRs that `remote_group_id` stands for now,
    or the one of `remote_ip_prefix`; empty means everybody. `protocol` None means any.
    """

    direction: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remotes: tuple[str, ...]


@dataclass(frozen=True)
class RouterPort:
    """A router's leg in a network."""

    port_id: str
    network_id: str
    mac: str
    address: str
    prefix: int


@dataclass(frozen=True)
class RouterSpec:
    """A router as it should be now: its legs, static routes (destination, next hop), and the address that
    it has outside, if it leads there.
    """

    id: str
    legs: tuple[RouterPort, ...]
    routes: tuple[tuple[str, str], ...] = ()
    gateway: str | None = None


@dataclass(frozen=True)
class FloatingIp:
    """A floating address (in 127.77.0.0/16 for netns) and the fixed address it leads to."""

    address: str
    server_id: str
    fixed_address: str
    tcp_ports: tuple[tuple[int, int], ...] = field(default=())


@dataclass(frozen=True)
class Way:
    """What one direction of a port's cable does to packets: `rate` in bits a second (None: as many as it
    takes), `loss`, the share of packets that get lost, and `delay`, the seconds that it takes.
    """

    rate: int | None = None
    loss: float = 0.0
    delay: float = 0.0


@dataclass(frozen=True)
class VolumeFaults:
    """What is wrong with a volume: seconds by which answers to reads and writes (`latency`), and to flushes
    (`sync`), are late; shares of writes that are answered and not done (`lost`), or done with one byte
    changed (`changed`); the share of reads and writes that fail (`failed`).
    """

    latency: float = 0.0
    sync: float = 0.0
    lost: float = 0.0
    changed: float = 0.0
    failed: float = 0.0


class Driver(Protocol):
    """See the module's first lines."""

    name: str
    notes: tuple[str, ...]
    """What this data plane cannot do here, one sentence each ("flavors do not limit CPU")."""

    @property
    def floating_pool(self) -> tuple[IPv4Address, IPv4Address]:
        """The first and the last floating address that are this cloud's alone on the machine."""

    async def start(self) -> None:
        """Bring the data plane up; `DriverError` says what this machine does not allow."""

    async def stop(self) -> None:
        """Take everything down."""

    async def put_network(self, network_id: str, mtu: int) -> None:
        """Make a segment; ports that are plugged from now on have its MTU."""

    async def delete_network(self, network_id: str) -> None:
        """Remove a segment."""

    async def put_router(self, router: RouterSpec) -> None:
        """Give a router the legs and routes that it should have now."""

    async def delete_router(self, router_id: str) -> None:
        """Remove a router."""

    async def prepare(self, server: ServerSpec) -> None:
        """Make all that a server needs to run, and let nothing of it run: its machine boots."""

    async def boot(self, server: ServerSpec) -> None:
        """Let it run, prepared or not: return when its init does; user_data goes on in the background."""

    async def power_off(self, server_id: str) -> None:
        """End a server's processes; its disk stays for the next boot."""

    async def destroy(self, server_id: str) -> None:
        """End a server and forget its disk."""

    async def power(self) -> dict[str, Power]:
        """The state of every server that was booted and not destroyed."""

    async def console(self, server_id: str) -> str:
        """What the server wrote to its console, the last part."""

    async def attach_nic(self, server_id: str, nic: Nic) -> None:
        """Give a running server an interface more."""

    async def detach_nic(self, server_id: str, port_id: str) -> None:
        """Take an interface away."""

    async def put_rules(self, port_id: str, rules: tuple[Rule, ...] | None, *, up: bool = True) -> None:
        """Replace what the port lets through; None: port security is off. Unless it is `up`, nothing."""

    async def put_floating_ip(self, floating: FloatingIp) -> None:
        """Let an address of this machine lead to a server."""

    async def delete_floating_ip(self, address: str) -> None:
        """Let it lead nowhere."""

    async def put_volume(self, volume_id: str, size: int) -> None:
        """Make a filled volume of `size` bytes, or let it grow to that."""

    async def delete_volume(self, volume_id: str) -> None:
        """Remove a volume."""

    async def attach_volume(self, server_id: str, volume_id: str, *, faulty: bool = False) -> str:
        """Make it appear under /dev/disk/by-id/virtio-{first 20 of the id}; returns the device. On a `faulty`
        one `FaultyDriver.set_volume` can act.
        """

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Take a volume from a server."""


@runtime_checkable
class FaultyDriver(Protocol):
    """A driver that can also harm what it runs, for faults on request and limits by volume type."""

    async def crash(self, server_id: str) -> None:
        """Let a server's processes end, as if by themselves."""

    async def freeze(self, server_id: str) -> None:
        """Stop all processes of a server where they are."""

    async def thaw(self, server_id: str) -> None:
        """Let a frozen server go on."""

    async def pause(self, server_id: str) -> None:
        """Stop all processes of a server and, as they will see it, its clocks."""

    async def resume(self, server_id: str) -> None:
        """Let a paused server go on, its clocks behind by the time for which it stood still."""

    async def cut_network(self, server_id: str, seconds: float) -> None:
        """Take a server's network away for some time; returns at its beginning."""

    async def set_link(self, port_id: str, inward: Way, outward: Way) -> None:
        """Let the cable of a plugged port be so towards its server, and so from it, until the next boot."""

    async def limit_cpu(self, server_id: str, share: float) -> None:
        """Give a running server this share of its flavor's vCPUs; 1 is all of them."""

    async def limit_volume(
        self, server_id: str, volume_id: str, iops: int | None, bandwidth: int | None = None
    ) -> None:
        """Let an attached volume do at most `iops` and `bandwidth` bytes a second; None: no limit."""

    async def fill_volume(self, volume_id: str, size: int | None) -> None:
        """Let an attached volume be full after `size` bytes; None: at its true end."""

    async def set_volume(self, volume_id: str, faults: VolumeFaults) -> None:
        """Let this be wrong with a volume that was attached as a faulty one, and nothing else of it."""

    async def corrupt_volume(self, volume_id: str, every: int) -> int:
        """Change one byte of every so many bytes of what is on a volume; how many were changed."""
