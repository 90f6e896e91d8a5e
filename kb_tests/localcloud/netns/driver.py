"""`NetnsDriver`: servers, networks and routers as namespaces of this machine."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import socket
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

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
from kb_tests.localcloud.netns import firewall, guest, neighbours, notes, relay, rootfs
from kb_tests.localcloud.netns.addresses import AddressBlock
from kb_tests.localcloud.netns.batch import Batch
from kb_tests.localcloud.netns.cgroups import PREFIX, Groups, sweep
from kb_tests.localcloud.netns.console import Console
from kb_tests.localcloud.netns.faults import LinkFaults
from kb_tests.localcloud.netns.forwarder import Forwarder
from kb_tests.localcloud.netns.gateway import FLOATING, Gateways
from kb_tests.localcloud.netns.link import HelperLink
from kb_tests.localcloud.netns.metadata import Documents, MetadataService
from kb_tests.localcloud.netns.networks import OUTSIDE
from kb_tests.localcloud.netns.ports import Ports
from kb_tests.localcloud.netns.probe import probe
from kb_tests.localcloud.netns.volumes import Volumes
from kb_tests.localcloud.netns.watcher import Watcher
from kb_tests.localcloud.netns.wiring import Wiring

_STOP_TIMEOUT = 10.0


@dataclass
class _Server:
    spec: ServerSpec
    nics: tuple[Nic, ...]
    power: Power
    booted: bool = False
    waits: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    console: Console = field(default_factory=Console)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class NetnsDriver:
    """See `kb_tests.localcloud.driver.Driver`.

    A port that never got rules lets nothing through. A floating IP's connections come through the router
    that is the fixed address's gateway: those of this machine from 203.0.113.1, those of servers from the
    outer address of their router.
    """

    def __init__(self, state: Path | None = None, patience: float = relay.CONNECT) -> None:
        """`state`: a folder of a file system for volumes; without one they lie under /var/tmp. A server has
        `patience` seconds to take a connection to its floating IP.
        """
        self.rootless = os.geteuid() != 0
        self.name = "netns (rootless)" if self.rootless else "netns (root)"
        self._groups = None if self.rootless else Groups(f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
        self._neighbours = neighbours.NeighbourLimit()
        self.notes: tuple[str, ...] = notes.notes(self._groups, self._neighbours)
        self._watcher = Watcher()
        self._link = HelperLink(self._on_exit, self._on_lost)
        self._nft = Batch(self._run_nft)
        self._metadata = MetadataService(self._look_up)
        self._forwarder = Forwarder(self._upstream, patience)
        self._gateways = Gateways(self._listen_at_gateway)
        self._numbers = itertools.count(1)
        self._ports = Ports(self._nft, lambda: f"p{next(self._numbers)}")
        self._link_faults = LinkFaults(self._link, self._nft, self._ports)
        self._wiring = Wiring(self._link, self._metadata, self._gateways, self._numbers)
        self._servers: dict[str, _Server] = {}
        self._volumes = Volumes(self._link, state or Path("/var/tmp"))  # noqa: S108 - it makes a folder
        self._floating: dict[str, FloatingIp] = {}
        self._block: AddressBlock | None = None

    @property
    def floating_pool(self) -> tuple[IPv4Address, IPv4Address]:
        """The first and the last floating address of this cloud; no other cloud has them until `stop`."""
        self._block = self._block or AddressBlock()
        return self._block.first, self._block.last

    async def start(self) -> None:
        """Make the namespaces. Raises `DriverError` when this machine does not allow it."""
        missing = await asyncio.to_thread(probe)
        if missing is not None:
            raise DriverError(missing)
        sweep()
        folder = self._volumes.open()
        self._watcher.start(self._groups.folders if self._groups else (), folder)
        await self._link.start(rootless=self.rootless)
        await self._link.ask(
            "start",
            rootless=self.rootless,
            folder=str(folder),
            groups=self._groups.name if self._groups else None,
            var_folders=rootfs.var_folders(),
        )
        await self._nft.add(firewall.BASE)

    @property
    def helper_pid(self) -> int | None:
        """The process, as the host numbers it, that ends the cloud when it is killed."""
        return self._link.pid

    async def stop(self) -> None:
        """End every process, namespace and mount of the cloud."""
        await self._forwarder.close()
        self._gateways.close()
        self._metadata.close()
        self._link_faults.close()
        await self._link.stop()
        if self._block is not None:
            self._block.close()
            self._block = None
        for server in self._servers.values():
            server.console.close()
        self._servers.clear()
        self._volumes.close()
        await self._watcher.stop()

    # Networks and routers

    async def put_network(self, network_id: str, mtu: int) -> None:
        """Make a bridge, if there is none."""
        await self._wiring.put_network(network_id, mtu)

    async def delete_network(self, network_id: str) -> None:
        """Remove a bridge."""
        await self._wiring.delete_network(network_id)

    async def put_router(self, router: RouterSpec) -> None:
        """Give a router the legs and routes it should have."""
        await self._wiring.put_router(router)

    async def delete_router(self, router_id: str) -> None:
        """Remove a router."""
        await self._wiring.delete_router(router_id)

    async def _run_nft(self, text: str) -> None:
        await self._link.ask("command", argv=["nft", "-f", "-"], text=text, server=None)

    # Servers

    async def prepare(self, server: ServerSpec) -> None:
        """Have a server's process 1 wait in all that is the server's; its disk is new, or that of before."""
        state = self._servers.setdefault(server.id, _Server(server, server.nics, Power.STOPPED))
        async with state.lock:
            if state.power is not Power.RUNNING:
                await self._prepare(state, server)

    async def boot(self, server: ServerSpec) -> None:
        """Let it go on, from SSH and user_data."""
        await self.prepare(server)
        state = self._server(server.id)
        async with state.lock:
            if state.waits:
                state.waits = False
                await self._link.ask("go", server=server.id)

    async def _prepare(self, state: _Server, server: ServerSpec) -> None:
        await self._ports.remove(*self._ports.of_server(server.id))  # those of a boot that crashed
        state.spec = server
        state.nics = server.nics
        state.ended = asyncio.Event()
        for change in self._neighbours.make_room(sum(len(each.nics) for each in self._servers.values())):
            self._watcher.put_back(*change)
        documents = guest.openstack_documents(server)
        try:
            files = guest.first_files(server)
            bridges = tuple(self._wiring.bridge(nic.network_id) for nic in server.nics)
            (console,) = await self._link.ask(
                "prepare",
                server=server.id,
                hostname=server.hostname,
                vcpus=server.vcpus,
                ram_mib=server.ram_mib,
                nics=await self._ports.add(server.id, server.nics, bridges),
                files={path: (b64encode(content).decode(), mode) for path, (content, mode) in files.items()},
                config_drive={
                    f"openstack/latest/{name}": b64encode(content).decode()
                    for name, content in documents.items()
                },
                run_user_data=guest.USER_DATA_SCRIPT in files,
            )
        except DriverError as error:
            await self._ports.remove(*self._ports.of_server(server.id))
            if not state.booted:
                await self._link.ask_removal("erase", server=server.id)
            state.power = Power.CRASHED
            raise DriverError(f"Server {server.name} ({server.id}) did not boot: {error}") from None
        state.booted = state.waits = True
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
            await self._link.ask_removal("kill", server=server_id)
            try:
                await asyncio.wait_for(server.ended.wait(), _STOP_TIMEOUT)
            except TimeoutError:
                raise DriverError(f"Server {server_id} did not end within {_STOP_TIMEOUT:g} s.") from None
        server.power = Power.STOPPED
        self._link_faults.unplug(server_id)
        await self._ports.remove(*self._ports.of_server(server_id))

    async def destroy(self, server_id: str) -> None:
        """End a server and forget its disk."""
        server = self._servers.get(server_id)
        if server is None:
            return
        async with server.lock:
            await self._end(server)
            await self._volumes.release(server_id)
            await self._link.ask_removal("erase", server=server_id)
            server.console.close()
            for nic in server.nics:
                self._ports.forget_rules(nic.port_id)
            self._servers.pop(server_id, None)

    def _server(self, server_id: str) -> _Server:
        try:
            return self._servers[server_id]
        except KeyError:
            raise DriverError(f"There is no server {server_id}.") from None

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
        """Plug a port into a server."""
        server = self._server(server_id)
        async with server.lock:
            if nic in server.nics:
                return
            if server.power is Power.RUNNING:
                (port,) = await self._ports.add(server_id, (nic,), (self._wiring.bridge(nic.network_id),))
                await self._link.ask("nic", server=server_id, nic=port)
            server.nics = (*server.nics, nic)

    async def detach_nic(self, server_id: str, port_id: str) -> None:
        """Unplug a port."""
        server = self._server(server_id)
        async with server.lock:
            server.nics = tuple(nic for nic in server.nics if nic.port_id != port_id)
            port = self._ports.get(port_id)
            if port is not None:
                await self._link.ask_removal("unplug", name=port.device)
                await self._ports.remove(port)

    async def put_rules(self, port_id: str, rules: tuple[Rule, ...] | None, *, up: bool = True) -> None:
        """Replace what a port lets through, now or when it is plugged."""
        await self._ports.put_rules(port_id, rules, up=up)

    # Volumes

    async def put_volume(self, volume_id: str, size: int) -> None:
        """Make a volume of `size` bytes and write it full, as fast as the disk takes it."""
        await self._volumes.put(volume_id, size)

    async def delete_volume(self, volume_id: str) -> None:
        """Remove a volume."""
        await self._volumes.delete(volume_id)

    async def attach_volume(self, server_id: str, volume_id: str, *, faulty: bool = False) -> str:
        """Show a volume in a server, as /dev/vdb and so on; a `faulty` one by way of a process of ours."""
        running = self._server(server_id).power is Power.RUNNING
        return await self._volumes.attach(server_id, volume_id, running=running, faulty=faulty)

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Take a volume from a server."""
        await self._volumes.detach(server_id, volume_id)

    # Faults

    async def crash(self, server_id: str) -> None:
        """Kill a server's process 1 and all below it: the server shows as crashed."""
        self._running(server_id)
        await self._link.ask("kill", server=server_id)

    async def freeze(self, server_id: str) -> None:
        """Stop all processes of a server where they are."""
        self._running(server_id)
        await self._link.ask("freeze", server=server_id, thaw=False)

    async def thaw(self, server_id: str) -> None:
        """Let a frozen server go on."""
        self._running(server_id)
        await self._link.ask("freeze", server=server_id, thaw=True)

    async def pause(self, server_id: str) -> None:
        """Stop all processes of a server where they are, to set their clocks back when they go on."""
        self._running(server_id)
        await self._link.ask("pause", server=server_id)

    async def resume(self, server_id: str) -> None:
        """Let a paused server go on."""
        self._running(server_id)
        await self._link.ask("resume", server=server_id)

    async def cut_network(self, server_id: str, seconds: float) -> None:
        """Take a server's network away for some time."""
        self._running(server_id)
        await self._link_faults.cut(server_id, seconds)

    async def set_link(self, port_id: str, inward: Way, outward: Way) -> None:
        """Let a port's cable be so towards its server, and so from it, until the server's next boot."""
        port = self._ports.get(port_id)
        if port is None:
            raise DriverError(f"Port {port_id} is not plugged into a running server.")
        await self._link_faults.set(port, inward, outward)

    async def limit_cpu(self, server_id: str, share: float) -> None:
        """Give a server a share of its flavor's vCPUs, until its next boot."""
        self._running(server_id)
        await self._link.ask("cpu", server=server_id, vcpus=self._servers[server_id].spec.vcpus, share=share)

    async def limit_volume(
        self, server_id: str, volume_id: str, iops: int | None, bandwidth: int | None = None
    ) -> None:
        """Let an attached volume do no more than `iops` reads and as many writes, and `bandwidth` bytes
        of each, a second; None: as many as it can.
        """
        self._running(server_id)
        await self._volumes.throttle(server_id, volume_id, iops, bandwidth)

    async def fill_volume(self, volume_id: str, size: int | None) -> None:
        """Let an attached volume end after `size` bytes ("no space left"); None: at its true end."""
        await self._volumes.shrink(volume_id, size)

    async def set_volume(self, volume_id: str, faults: VolumeFaults) -> None:
        """Let this be wrong with a volume that was attached as a faulty one."""
        await self._link.ask("volume-wrong", volume=volume_id, faults=asdict(faults))

    async def corrupt_volume(self, volume_id: str, every: int) -> int:
        """Change a byte, at random, in each part of `every` bytes of what is on a volume."""
        return await self._volumes.corrupt(volume_id, every)

    def _running(self, server_id: str) -> None:
        if self._server(server_id).power is not Power.RUNNING:
            raise DriverError(f"Server {server_id} does not run.")

    # Metadata and floating IPs

    def _look_up(self, network_id: str, address: str) -> Documents | None:
        port = self._ports.at(network_id, address)
        return guest.documents(self._servers[port.server_id].spec) if port is not None else None

    async def put_floating_ip(self, floating: FloatingIp) -> None:
        """Listen for a floating IP."""
        self._floating[floating.address] = floating
        await self._forwarder.put(floating)

    async def delete_floating_ip(self, address: str) -> None:
        """Stop listening for a floating IP."""
        self._floating.pop(address, None)
        await self._forwarder.delete(address)

    async def _listen_at_gateway(self, router: str, port: int) -> socket.socket:
        (fd,) = await self._link.ask("gateway", router=router, port=port)
        return socket.socket(fileno=fd)

    async def _upstream(self, address: str, peer: str) -> socket.socket:
        source = peer if IPv4Address(peer) in FLOATING else OUTSIDE
        floating = self._floating.get(address)
        server = self._servers.get(floating.server_id) if floating else None
        for nic in server.nics if server else ():
            if floating and nic.address == floating.fixed_address:
                (fd,) = await self._link.ask("upstream", router=self._wiring.router_of(nic), source=source)
                return socket.socket(fileno=fd)
        raise DriverError(f"The floating IP {address} leads to no server.")
