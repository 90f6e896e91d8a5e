"""Floating IPs: TCP listeners on a loopback address of the host, and what they carry."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from kb_tests.localcloud.driver import DriverError, FloatingIp
from kb_tests.localcloud.netns import congestion, relay

log = logging.getLogger(__name__)

_PORTS_OF_A_RANGE = 16
_ALWAYS = (22, 80, 443)
HIGHER = 10_000
"""How much higher than a floating IP's port is the one that is listened on, where low ones cannot be had."""

Upstream = Callable[[str, str], Awaitable[socket.socket]]


def listening_ports(ranges: Iterable[tuple[int, int]]) -> dict[int, bool]:
    """The ports to listen on for these allowed ranges, and whether each was meant: all of a small range; of a
    wide one the first sixteen, and SSH, HTTP and HTTPS where they are in it.
    """
    ports: dict[int, bool] = {}
    for first, last in ranges:
        meant = last - first < _PORTS_OF_A_RANGE
        some = {*range(first, min(last, first + _PORTS_OF_A_RANGE - 1) + 1)}
        some |= {port for port in _ALWAYS if first <= port <= last}
        ports |= {port: meant or ports.get(port, False) for port in some if 0 < port < 65536}
    return dict(sorted(ports.items()))


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
    a connection that came from the address `peer`. A server has `patience` seconds to take it.
    """

    def __init__(self, upstream: Upstream, patience: float = relay.CONNECT) -> None:
        self._upstream = upstream
        self._patience = patience
        self._listeners: dict[str, tuple[FloatingIp, dict[int, asyncio.Server]]] = {}
        self._connections: dict[str, set[asyncio.Task[None]]] = {}

    async def put(self, floating: FloatingIp) -> None:
        """Listen for a floating IP, on the ports that its rules allow now.

        Raises:
            DriverError: somebody else on this machine listens on a port that a rule means; the others open.

        """
        known, servers = self._listeners.get(floating.address, (None, {}))
        if known == floating:
            return
        wanted = listening_ports(floating.tcp_ports)
        same = known is not None and replace(known, tcp_ports=floating.tcp_ports) == floating
        for port in [port for port in servers if port not in wanted or not same]:
            servers.pop(port).close()
        self._listeners[floating.address] = (floating, servers)
        taken = []
        for port, meant in wanted.items():
            if port not in servers:
                try:
                    servers[port] = await self._listen(floating, port)
                except OSError as error:
                    reason = os.strerror(error.errno) if error.errno else str(error)
                    log.warning("%s:%d cannot be listened to: %s", floating.address, local_port(port), reason)
                    if meant:
                        taken.append(f"port {local_port(port)}: {reason}")
        if taken:
            self._listeners[floating.address] = (replace(floating, tcp_ports=()), servers)
            raise DriverError(f"The floating IP {floating.address} cannot listen on {', '.join(taken)}.")

    async def delete(self, address: str) -> None:
        """Stop listening and cut what is connected."""
        _, servers = self._listeners.pop(address, (None, {}))
        for server in servers.values():
            server.close()
        for task in list(self._connections.pop(address, ())):
            task.cancel()

    async def close(self) -> None:
        """Stop all."""
        for address in list(self._listeners):
            await self.delete(address)

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
        peer = writer.get_extra_info("peername")
        if peer is None:  # gone before it was seen
            return
        try:
            inner = await self._upstream(floating.address, peer[0])
            await relay.connect(inner, floating.fixed_address, port, self._patience)
        except (DriverError, OSError, TimeoutError):
            relay.reset(writer)
        else:
            await relay.carry(reader, writer, inner)
