"""The metadata service: one listener per network, servers told apart by their address in it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_LONGEST_REQUEST = 8192
_TIMEOUT = 10.0

Documents = dict[str, bytes]
"""Path below the root to content."""


class MetadataService:
    """Answers HTTP on the sockets that the helper made, one per network.

    `look_up(network id, address)` gives the documents of the server that asks, or None.
    """

    def __init__(self, look_up: Callable[[str, str], Documents | None]) -> None:
        self._look_up = look_up
        self._listeners: dict[str, asyncio.Server] = {}

    async def listen(self, network_id: str, listener: int) -> None:
        """Serve a network from now on."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(_TIMEOUT):
                    await self._serve(network_id, reader, writer)
            writer.close()

        self._listeners[network_id] = await asyncio.start_server(
            handle, sock=socket.socket(fileno=listener), limit=_LONGEST_REQUEST
        )

    def forget(self, network_id: str) -> None:
        """Stop serving a network."""
        server = self._listeners.pop(network_id, None)
        if server is not None:
            server.close()

    def close(self) -> None:
        """Stop serving."""
        for network_id in list(self._listeners):
            self.forget(network_id)

    async def _serve(
        self, network_id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = request.decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        address, *_ = writer.get_extra_info("peername") or ("",)  # it may be gone before it was seen
        documents = self._look_up(network_id, address)
        body = find(documents, path) if documents is not None else None
        if method not in ("GET", "HEAD"):
            status, body = "405 Method Not Allowed", b""
        else:
            status = "404 Not Found" if body is None else "200 OK"
        body = body or b""
        kind = "application/json" if path.endswith(".json") else "text/plain"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + (b"" if method == "HEAD" else body))
        await writer.drain()


def find(documents: Documents, path: str) -> bytes | None:
    """A document, or for a folder the names in it, one a line; None when there is neither."""
    wanted = "/".join(part for part in path.split("/") if part)
    if wanted in documents:
        return documents[wanted]
    prefix = f"{wanted}/" if wanted else ""
    names = []
    for name in documents:
        if name.startswith(prefix):
            head, slash, _ = name[len(prefix) :].partition("/")
            names.append(head + slash)
    return "\n".join(dict.fromkeys(sorted(names))).encode() if names else None
