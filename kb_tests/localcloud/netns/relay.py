"""Carrying a TCP connection that ends here on to another one."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

CHUNK = 256 * 1024
"""Bytes that one direction may have under way."""

CONNECT = 10.0
"""Seconds that connecting may take."""


async def connect(upstream: socket.socket, address: str, port: int, patience: float = CONNECT) -> None:
    """Connect a socket that is ours from now on; raises OSError or TimeoutError with it closed, the latter
    after `patience` seconds.
    """
    try:
        upstream.setblocking(False)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(patience):
            await asyncio.get_running_loop().sock_connect(upstream, (address, port))
    except BaseException:
        upstream.close()
        raise


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: socket.socket) -> None:
    """Carry bytes both ways until both have ended."""
    inner_reader, inner_writer = await asyncio.open_connection(sock=upstream, limit=CHUNK)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, inner_writer))
            group.create_task(_pump(inner_reader, writer))
    except* OSError:
        reset(writer)
    finally:
        inner_writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Carry bytes until the source ends, then end the target's direction alone."""
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        with suppress(OSError):
            target.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a refused one looks: by a reset. It may have ended by itself."""
    connection: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
