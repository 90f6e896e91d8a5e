"""The way out of a router with an external gateway: to floating addresses, and nowhere else.

Servers send to floating addresses of this and other local clouds by their default gateway. There the router
takes the connection, and this process carries it on, from the router's outer address.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from kb_tests.localcloud.netns import congestion, relay
from kb_tests.localcloud.netns.forwarder import HIGHER

FLOATING = IPv4Network("127.77.0.0/16")
PORTS = (22, 80, 443)
"""What servers reach of a floating address."""

_BIND_ADDRESS_NO_PORT = 24
_LISTENS = "0A"
_FRESH = 0.5
_NOWHERE = ("0.0.0.0", 0)  # of a connection that was gone before it was seen

Listen = Callable[[str, int], Awaitable[socket.socket]]


class Gateways:
    """The gateways of a cloud's routers, by the names that its helper knows them by.

    `listen(router, port)` gives a socket that listens in a router's namespace.
    """

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._open: dict[str, tuple[str, list[asyncio.Server]]] = {}
        self._connections: dict[str, set[asyncio.Task[None]]] = {}
        self._changing = asyncio.Lock()
        self._floating = Floating()

    async def put(self, router: str, address: str | None) -> None:
        """Let a router have this address outside; None: no way out."""
        async with self._changing:
            if router in self._open and self._open[router][0] == address:
                return
            self.forget(router)
            if address is not None:
                servers = [await self._serve(router, port, address) for port in PORTS]
                self._open[router] = (address, servers)

    def forget(self, router: str) -> None:
        """Close a router's way out, and cut what is connected."""
        _, servers = self._open.pop(router, (None, []))
        for server in servers:
            server.close()
        for task in list(self._connections.pop(router, ())):
            task.cancel()

    def close(self) -> None:
        """Close all."""
        for router in list(self._open):
            self.forget(router)

    async def _serve(self, router: str, port: int, source: str) -> asyncio.Server:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks = self._connections.setdefault(router, set())
            tasks.add(task)
            try:
                upstream = await self._connect(source, *(writer.get_extra_info("sockname") or _NOWHERE))
            except (OSError, TimeoutError):
                relay.reset(writer)
            else:
                await relay.carry(reader, writer, upstream)
            finally:
                tasks.discard(task)
                writer.close()

        listener = await self._listen(router, port)
        return await asyncio.start_server(handle, sock=listener, limit=relay.CHUNK, backlog=1024)

    async def _connect(self, source: str, address: str, port: int) -> socket.socket:
        """Only to what is a floating IP's: this machine's own services listen on 127.77.0.0/16 too."""
        if IPv4Address(address) in FLOATING:
            for listening in (port, port + HIGHER):
                if (address, listening) in self._floating:
                    upstream = socket.socket()
                    congestion.choose(upstream)
                    upstream.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
                    upstream.bind((source, 0))
                    await relay.connect(upstream, address, listening)
                    return upstream
        raise ConnectionRefusedError


class Floating:
    """The floating addresses, with ports, that clouds of this machine listen on: not those of services that
    listen on every address.
    """

    def __init__(self, table: Path = Path("/proc/net/tcp")) -> None:
        self._table = table
        self._known: frozenset[str] = frozenset()
        self._read = -_FRESH

    def __contains__(self, place: tuple[str, int]) -> bool:
        address, port = place
        wanted = f"{struct.unpack('=I', IPv4Address(address).packed)[0]:08X}:{port:04X}"
        if time.monotonic() - self._read > _FRESH:
            lines = (line.split() for line in self._table.read_text().splitlines())
            self._known = frozenset(line[1] for line in lines if len(line) > 3 and line[3] == _LISTENS)
            self._read = time.monotonic()
        return wanted in self._known
