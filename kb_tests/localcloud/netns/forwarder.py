"""Floating IPs: TCP listeners on a loopback address of the host, and what they carry."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from collections.abc import Awaitable, Callable, Iterable

from kb_tests.localcloud.driver import DriverError, FloatingIp
from kb_tests.localcloud.netns import congestion, relay

_PORTS_OF_A_RANGE = 16
_ALWAYS = (22, 80, 443)
HIGHER = 10_000
"""How much higher than a floating IP's port is the one that is listened on, where low ones cannot be had."""

Upstream = Callable[[str, str], Awaitable[socket.socket]]


def listening_ports(ranges: Iterable[tuple[int, int]]) -> list[int]:
    """The ports to listen on for these allowed ranges: all of a small one; of a wide one the first
    sixteen, and SSH, HTTP and HTTPS where they are in it.
    """
    ports: set[int] = set()
    for first, last in ranges:
        ports.update(range(first, min(last, first + _PORTS_OF_A_RANGE - 1) + 1))
        ports.update(port for port in _ALWAYS if first <= port <= last)
    return sorted(port for port in ports if 0 < port < 65536)


def local_port(port: int) -> int:
    """Where a floating IP's `port` is listened to."""
    return port if port >= 1024 or _low_ports_are_ours() else port + HIGHER


@functools.cache
def _low_ports_are_ours() -> bool:
    """Whether port 22 can be had: an ordinary user may not bind it, and an SSH server of the machine itself
    mostly listens on all addresses, those of 127.0.0.0/8 too.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.77.255.254", 22))
        except OSError:
            return False
    return True


class Forwarder:
    """All floating IPs of a cloud.

    `upstream(floating address, peer)` gives a TCP socket that lives in the namespaces, not yet connected, for
    a connection that came from the address `peer`.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._listeners: dict[str, tuple[FloatingIp, list[asyncio.Server]]] = {}
        self._connections: dict[str, set[asyncio.Task[None]]] = {}

    async def put(self, floating: FloatingIp) -> None:
        """Listen for a floating IP, on the ports that its rules allow now."""
        known = self._listeners.get(floating.address)
        if known is not None and known[0] == floating:
            return
        if known is not None:
            await self._close(known[1])
            del self._listeners[floating.address]
        servers: list[asyncio.Server] = []
        for port in listening_ports(floating.tcp_ports):
            try:
                servers.append(await self._listen(floating, port))
            except OSError as error:
                await self._close(servers)
                reason = os.strerror(error.errno) if error.errno else str(error)
                raise DriverError(
                    f"The floating IP {floating.address} cannot listen on port {local_port(port)}: {reason}."
                ) from None
        self._listeners[floating.address] = (floating, servers)

    async def delete(self, address: str) -> None:
        """Stop listening and cut what is connected."""
        _, servers = self._listeners.pop(address, (None, []))
        await self._close(servers)
        for task in list(self._connections.pop(address, ())):
            task.cancel()

    async def close(self) -> None:
        """Stop all."""
        for address in list(self._listeners):
            await self.delete(address)

    async def _close(self, servers: list[asyncio.Server]) -> None:
        for server in servers:
            server.close()

    async def _listen(self, floating: FloatingIp, port: int) -> asyncio.Server:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks = self._connections.setdefault(floating.address, set())
            tasks.add(task)
            try:
                await self._carry(floating, port, reader, writer)
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(
            handle, floating.address, local_port(port), limit=relay.CHUNK, backlog=512
        )
        congestion.choose(*server.sockets)
        return server

    async def _carry(
        self, floating: FloatingIp, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            inner = await self._upstream(floating.address, writer.get_extra_info("peername")[0])
            await relay.connect(inner, floating.fixed_address, port)
        except (DriverError, OSError, TimeoutError):
            relay.reset(writer)
        else:
            await relay.carry(reader, writer, inner)
