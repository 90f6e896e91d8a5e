"""`NetnsDriver`: servers, networks and routers as namespaces of this machine."""

from __future__ import annotations

import asyncio
import itertools
import os
import platform
import socket
from base64 import b64encode
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb_tests.localcloud.driver import (
    DriverError,
    FloatingIp,
    Nic,
    Power,
    RouterSpec,
    Rule,
    ServerSpec,
)
from kb_tests.localcloud.netns import firewall, guest
from kb_tests.localcloud.netns.batch import Batch
from kb_tests.localcloud.netns.console import Console
from kb_tests.localcloud.netns.forwarder import Forwarder
from kb_tests.localcloud.netns.link import HelperLink
from kb_tests.localcloud.netns.metadata import Documents, MetadataService
from kb_tests.localcloud.netns.probe import probe
from kb_tests.localcloud.netns.volumes import Volumes

_STOP_TIMEOUT = 10.0
_VAR_DEPTH = 3


@dataclass
class _Network:
    bridge: str
    mtu: int


@dataclass
class _Server:
    spec: ServerSpec
    nics: tuple[Nic, ...]
    power: Power
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    console: Console = field(default_factory=Console)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class _Port:
    """A plugged port: the device on its bridge, and whether firewall rules stand for it."""

    device: str
    nic: Nic
    server_id: str


class NetnsDriver:
    """See `kb_tests.localcloud.driver.Driver`.

    A port that never got rules lets nothing through. A floating IP's connections come from
    203.0.113.1, through the router that is the fixed address's gateway.
    """

    def __init__(self, state: Path | None = None) -> None:
        """`state`: a folder of a file system for volumes; without one they lie under /var/tmp."""
        self.rootless = os.geteuid() != 0
        self.name = "netns (rootless)" if self.rootless else "netns (root)"
        self.notes: tuple[str, ...] = _notes(rootless=self.rootless)
        self._link = HelperLink(self._on_exit, self._on_lost)
        self._nft = Batch(lambda text: self._link.ask("nft", text=text))
        self._metadata = MetadataService(self._look_up)
        self._forwarder = Forwarder(self._upstream)
        self._numbers = itertools.count(1)
        self._networks: dict[str, _Network] = {}
        self._routers: dict[str, tuple[str, RouterSpec]] = {}
        self._leg_devices: dict[tuple[str, str], str] = {}
        self._servers: dict[str, _Server] = {}
        self._ports: dict[str, _Port] = {}
        self._guarded: set[str] = set()
        self._rules: dict[str, tuple[Rule, ...] | None] = {}
        self._volumes = Volumes(self._link, state or Path("/var/tmp"))  # noqa: S108 - it makes a folder
        self._floating: dict[str, FloatingIp] = {}

    async def start(self) -> None:
        """Make the namespaces. Raises `DriverError` when this machine does not allow it."""
        missing = await asyncio.to_thread(probe)
        if missing is not None:
            raise DriverError(missing)
        await self._link.start(rootless=self.rootless)
        await self._link.ask(
            "start",
            rootless=self.rootless,
            folder=str(self._volumes.open()),
            var_folders=_var_folders(),
        )
        await self._nft.add(firewall.BASE)

    @property
    def helper_pid(self) -> int | None:
        """The process, as the host numbers it, that ends the cloud when it is killed."""
        return self._link.pid

    async def stop(self) -> None:
        """End every process, namespace and mount of the cloud."""
        await self._forwarder.close()
        self._metadata.close()
        await self._link.stop()
        for server in self._servers.values():
            server.console.close()
        self._servers.clear()
        self._volumes.close()

    # Networks and routers

    async def put_network(self, network_id: str, mtu: int) -> None:
        """Make a bridge, if there is none."""
        if network_id in self._networks:
            return
        network = self._networks[network_id] = _Network(f"b{next(self._numbers)}", mtu)
        try:
            (listener,) = await self._link.ask("network", name=network.bridge, mtu=mtu)
        except DriverError:
            del self._networks[network_id]
            raise
        await self._metadata.listen(network_id, listener)

    async def delete_network(self, network_id: str) -> None:
        """Remove a bridge."""
        network = self._networks.pop(network_id, None)
        if network is not None:
            self._metadata.forget(network_id)
            await self._link.ask("network-delete", name=network.bridge)

    async def put_router(self, router: RouterSpec) -> None:
        """Give a router the legs and routes it should have."""
        known = self._routers.get(router.id)
        name = known[0] if known else f"r{next(self._numbers)}"
        self._routers[router.id] = (name, router)
        legs = []
        for leg in router.legs:
            network = self._network(leg.network_id)
            key = (router.id, leg.port_id)
            if key not in self._leg_devices:
                self._leg_devices[key] = f"l{next(self._numbers)}"
            legs.append(
                {
                    "name": self._leg_devices[key],
                    "bridge": network.bridge,
                    "mtu": network.mtu,
                    "mac": leg.mac,
                    "address": leg.address,
                    "prefix": leg.prefix,
                }
            )
        await self._link.ask("router", name=name, legs=legs, routes=list(router.routes))

    async def delete_router(self, router_id: str) -> None:
        """Remove a router."""
        name, _ = self._routers.pop(router_id, (None, None))
        for key in [key for key in self._leg_devices if key[0] == router_id]:
            del self._leg_devices[key]
        if name is not None:
            await self._link.ask("router-delete", name=name)

    def _network(self, network_id: str) -> _Network:
        try:
            return self._networks[network_id]
        except KeyError:
            raise DriverError(f"There is no network {network_id}.") from None

    # Servers

    async def boot(self, server: ServerSpec) -> None:
        """Boot a server, for the first time or again with the disk that it had."""
        state = self._servers.setdefault(server.id, _Server(server, server.nics, Power.STOPPED))
        async with state.lock:
            if state.power is not Power.RUNNING:
                await self._boot(state, server)

    async def _boot(self, state: _Server, server: ServerSpec) -> None:
        await self._drop_ports(server.id)  # those of a boot that crashed
        state.spec = server
        state.nics = server.nics
        state.ended = asyncio.Event()
        documents = guest.openstack_documents(server)
        try:
            files = guest.first_files(server)
            nics = [await self._add_port(server.id, nic) for nic in server.nics]
            (console,) = await self._link.ask(
                "boot",
                server=server.id,
                hostname=server.hostname,
                nics=nics,
                files={path: (b64encode(content).decode(), mode) for path, (content, mode) in files.items()},
                config_drive={
                    f"openstack/latest/{name}": b64encode(content).decode()
                    for name, content in documents.items()
                },
                run_user_data=guest.USER_DATA_SCRIPT in files,
            )
        except DriverError as error:
            state.power = Power.CRASHED
            await self._drop_ports(server.id)
            raise DriverError(f"Server {server.name} ({server.id}) did not boot: {error}") from None
        state.power = Power.CRASHED if state.ended.is_set() else Power.RUNNING
        state.console.follow(console)
        await self._volumes.show_all(server.id)

    async def power_off(self, server_id: str) -> None:
        """End a server's processes, keep its disk."""
        server = self._server(server_id)
        async with server.lock:
            await self._end(server)

    async def _end(self, server: _Server) -> None:
        server_id = server.spec.id
        if server.power is Power.RUNNING:
            server.power = Power.STOPPED
            await self._link.ask("kill", server=server_id)
            try:
                await asyncio.wait_for(server.ended.wait(), _STOP_TIMEOUT)
            except TimeoutError:
                raise DriverError(f"Server {server_id} did not end within {_STOP_TIMEOUT:g} s.") from None
        server.power = Power.STOPPED
        await self._drop_ports(server_id)

    async def destroy(self, server_id: str) -> None:
        """End a server and forget its disk."""
        server = self._servers.get(server_id)
        if server is None:
            return
        async with server.lock:
            await self._end(server)
            await self._volumes.release(server_id)
            await self._link.ask("erase", server=server_id)
            server.console.close()
            for nic in server.nics:
                self._rules.pop(nic.port_id, None)
            self._servers.pop(server_id, None)

    def _server(self, server_id: str) -> _Server:
        try:
            return self._servers[server_id]
        except KeyError:
            raise DriverError(f"There is no server {server_id}.") from None

    async def crash(self, server_id: str) -> None:
        """Kill a server's process 1, as a fault: the server shows as crashed."""
        await self._link.ask("kill", server=server_id)

    async def power(self) -> dict[str, Power]:
        """What each server's processes do."""
        return {server_id: server.power for server_id, server in self._servers.items()}

    async def console(self, server_id: str) -> str:
        """The last part of what a server wrote to its console."""
        return self._server(server_id).console.text()

    def _on_exit(self, server_id: str) -> None:
        server = self._servers.get(server_id)
        if server is not None:
            if server.power is Power.RUNNING:
                server.power = Power.CRASHED
            server.ended.set()

    def _on_lost(self) -> None:
        for server_id in self._servers:
            self._on_exit(server_id)
        self._volumes.close()

    # Ports

    async def attach_nic(self, server_id: str, nic: Nic) -> None:
        """Plug a port into a running server."""
        server = self._server(server_id)
        if nic.port_id in self._ports:
            return
        port = await self._add_port(server_id, nic)
        if server.power is Power.RUNNING:
            await self._link.ask("nic", server=server_id, nic=port)
        server.nics = (*server.nics, nic)

    async def detach_nic(self, server_id: str, port_id: str) -> None:
        """Unplug a port."""
        server = self._server(server_id)
        server.nics = tuple(nic for nic in server.nics if nic.port_id != port_id)
        port = self._ports.get(port_id)
        if port is not None:
            await self._link.ask("nic-delete", server=server_id, name=port.device)
            await self._drop_port(port_id)

    async def put_rules(self, port_id: str, rules: tuple[Rule, ...] | None) -> None:
        """Replace what a port lets through, now or when it is plugged."""
        self._rules[port_id] = rules
        if port_id in self._ports:
            await self._guard(port_id)

    async def _guard(self, port_id: str) -> None:
        port = self._ports[port_id]
        rules = self._rules.get(port_id, ())
        if rules is not None:
            self._guarded.add(port.device)
            await self._nft.add(firewall.guard(port.device, port.nic.mac, port.nic.address, rules))
        elif port.device in self._guarded:
            self._guarded.discard(port.device)
            await self._nft.add(firewall.unguard(port.device))

    async def _add_port(self, server_id: str, nic: Nic) -> dict[str, Any]:
        """Guard a new port; what the helper needs to plug it."""
        network = self._network(nic.network_id)
        port = self._ports[nic.port_id] = _Port(f"p{next(self._numbers)}", nic, server_id)
        await self._guard(nic.port_id)
        routes = [*nic.routes, *([("0.0.0.0/0", nic.gateway)] if nic.gateway else [])]
        return {
            "name": port.device,
            "bridge": network.bridge,
            "mtu": nic.mtu,
            "mac": nic.mac,
            "address": nic.address,
            "prefix": nic.prefix,
            "routes": routes,
        }

    async def _drop_port(self, port_id: str) -> None:
        port = self._ports.pop(port_id)
        if port.device in self._guarded:
            self._guarded.discard(port.device)
            await self._nft.add(firewall.unguard(port.device))

    async def _drop_ports(self, server_id: str) -> None:
        for port_id in [name for name, port in self._ports.items() if port.server_id == server_id]:
            await self._drop_port(port_id)

    # Volumes

    async def put_volume(self, volume_id: str, size: int) -> None:
        """Make a volume of `size` bytes and write it full, as fast as the disk takes it."""
        await self._volumes.put(volume_id, size)

    async def delete_volume(self, volume_id: str) -> None:
        """Remove a volume."""
        await self._volumes.delete(volume_id)

    async def attach_volume(self, server_id: str, volume_id: str) -> str:
        """Show a volume in a server, as /dev/vdb and so on."""
        server = self._server(server_id)
        return await self._volumes.attach(server_id, volume_id, running=server.power is Power.RUNNING)

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Take a volume from a server."""
        await self._volumes.detach(server_id, volume_id)

    # Metadata and floating IPs

    def _look_up(self, network_id: str, address: str) -> Documents | None:
        for port in self._ports.values():
            if port.nic.network_id == network_id and port.nic.address == address:
                spec = self._servers[port.server_id].spec
                return {
                    **{f"openstack/latest/{n}": c for n, c in guest.openstack_documents(spec).items()},
                    **{f"latest/meta-data/{n}": c for n, c in guest.ec2_documents(spec).items()},
                }
        return None

    async def put_floating_ip(self, floating: FloatingIp) -> None:
        """Listen for a floating IP."""
        self._floating[floating.address] = floating
        await self._forwarder.put(floating)

    async def delete_floating_ip(self, address: str) -> None:
        """Stop listening for a floating IP."""
        self._floating.pop(address, None)
        await self._forwarder.delete(address)

    async def _upstream(self, address: str) -> socket.socket:
        floating = self._floating[address]
        nics = self._servers[floating.server_id].nics if floating.server_id in self._servers else ()
        for nic in nics:
            if nic.address == floating.fixed_address:
                (fd,) = await self._link.ask("upstream", router=self._router_of(nic))
                return socket.socket(fileno=fd)
        raise DriverError(f"The floating IP {address} leads to no server.")

    def _router_of(self, nic: Nic) -> str:
        """The router that is the gateway of this port, else any with a leg in its network."""
        found = None
        for name, router in self._routers.values():
            for leg in router.legs:
                if leg.network_id == nic.network_id:
                    if leg.address == nic.gateway:
                        return name
                    found = name
        if found is None:
            raise DriverError(f"No router has a leg in network {nic.network_id}.")
        return found


def _var_folders() -> list[tuple[str, int, int, int]]:
    """Folders of the host's /var, parents first: path, mode, uid, gid."""
    found: list[tuple[str, int, int, int]] = []
    waiting = deque([("/var", 0)])
    while waiting:
        parent, depth = waiting.popleft()
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.is_dir(follow_symlinks=False) and entry.name not in ("run", "lock"):
                    status = entry.stat()
                    found.append((entry.path, status.st_mode & 0o7777, status.st_uid, status.st_gid))
                    if depth + 1 < _VAR_DEPTH:
                        waiting.append((entry.path, depth + 1))
    return found


def _notes(*, rootless: bool) -> tuple[str, ...]:
    cores = len(os.sched_getaffinity(0))
    notes = [
        "embedded local cloud, not an OpenStack result",
        f"driver netns ({'rootless' if rootless else 'root'}), kernel {platform.release()}, {cores} cores",
        "load generators and servers share the same cores",
        "the network is veth copies in memory: no NIC, no overlay, no hypervisor",
        "flavors' vCPU and RAM are labels: nothing limits them",
        "storage is one host file system",
        "it proves the tool, the workflow and regressions on one machine; it is no capacity planning",
    ]
    if rootless:
        notes.append("servers cannot write below /usr, but for /usr/local")
    return tuple(notes)
