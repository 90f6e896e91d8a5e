"""Floating IPs: TCP listeners on a loopback address of the host, and what they carry."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from kb_tests.localcloud.driver import DriverError, FloatingIp

_CONNECT_TIMEOUT = 10.0
_CHUNK = 256 * 1024
_PORTS_OF_A_RANGE = 16
_ALWAYS = (22, 80, 443)
_OFFSET = 10_000

Upstream = Callable[[str], Awaitable[socket.socket]]


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
    return port if port >= 1024 or _low_ports_are_ours() else port + _OFFSET


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

    `upstream(floating address)` gives a TCP socket that lives in the namespaces, not yet connected.
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

        return await asyncio.start_server(
            handle, floating.address, local_port(port), limit=_CHUNK, backlog=512
        )

    async def _carry(
        self, floating: FloatingIp, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            inner = await self._upstream(floating.address)
        except DriverError:
            _reset(writer)
            return
        try:
            inner.setblocking(False)
            inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await loop.sock_connect(inner, (floating.fixed_address, port))
        except (OSError, TimeoutError):
            inner.close()
            _reset(writer)
            return
        inner_reader, inner_writer = await asyncio.open_connection(sock=inner, limit=_CHUNK)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, inner_writer))
                group.create_task(_pump(inner_reader, writer))
        except* OSError:
            _reset(writer)
        finally:
            inner_writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Carry bytes until the source ends, then end the target's direction alone."""
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        with suppress(OSError):
            target.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a refused one looks: by a reset."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
