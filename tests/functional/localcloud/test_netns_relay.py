"""Connections through a floating IP that end hard, at either end and at any time: the log stays readable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from kb_tests.localcloud.driver import FloatingIp
from kb_tests.localcloud.netns.addresses import AddressBlock
from kb_tests.localcloud.netns.forwarder import Forwarder, local_port

BLOCK = 4 << 20

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def tear(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset, whatever is under way."""
    with contextlib.suppress(OSError):  # it has ended
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    writer.transport.abort()


async def takes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1 << 16):
        pass
    writer.close()


async def tears_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    tear(writer)


async def tears_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1 << 16)
    tear(writer)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(bytes(BLOCK))
        await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def stays_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.2)
    tear(writer)


SERVERS = [takes, tears_at_once, tears_later, floods, stays_silent]
CLIENTS = ["reset", "send and reset", "flood and reset", "half-close", "read little and reset"]


async def visit(address: str, port: int, how: str) -> None:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        if how.startswith("send"):
            writer.write(b"hello")
            await writer.drain()
        elif how.startswith("flood"):
            writer.write(bytes(BLOCK))
            await asyncio.wait_for(writer.drain(), 0.1)
        elif how == "half-close":
            writer.write(b"hello")
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 2)
        elif how.startswith("read"):
            await asyncio.wait_for(reader.read(10), 0.1)
    except (ConnectionError, TimeoutError):
        pass
    tear(writer)


@pytest.mark.parametrize("serve", SERVERS, ids=lambda serve: serve.__name__)
def test_nothing_is_logged_of_what_peers_do(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    complaints: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert local_port(port) == port

        async def upstream(address: str, peer: str) -> socket.socket:
            return socket.socket()

        block = AddressBlock()
        forwarder = Forwarder(upstream)
        address = str(block.first)
        await forwarder.put(FloatingIp(address, "server", "127.0.0.1", ((port, port),)))
        try:
            for how in CLIENTS:
                await asyncio.gather(*(visit(address, port, how) for _ in range(20)))
            await asyncio.sleep(0.5)
        finally:
            await forwarder.close()
            server.close()
            block.close()
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert complaints == []
    assert [record.getMessage() for record in caplog.records] == []
