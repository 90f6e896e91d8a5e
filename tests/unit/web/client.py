"""Asks the application without a socket, and reads of a stream as much as is wanted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

HOST = "127.0.0.1:8765"
TOKEN = "right"
VIEWER = "looking"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    token: str | None = TOKEN,
    host: str | None = HOST,
    body: bytes = b"",
    send: object = None,
    enough: str = "",
) -> Answer:
    """One request; `send` goes as JSON; the answer of a stream is cut off once it holds `enough`."""
    return asyncio.run(
        asking(app, path, method, list(headers), token=token, host=host, body=body, send=send, enough=enough)
    )


async def asking(
    app: ASGIApp,
    path: str,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    *,
    token: str | None = TOKEN,
    host: str | None = HOST,
    body: bytes = b"",
    send: object = None,
    enough: str = "",
) -> Answer:
    """The same, beside others."""
    headers = list(headers)
    if send is not None:
        body = json.dumps(send).encode()
        headers.append(("content-type", "application/json"))
    if host is not None:
        headers.append(("host", host))
    if token is not None:
        headers.append(("authorization", f"Bearer {token}"))
    if body and not any(name == "transfer-encoding" for name, _ in headers):
        headers.append(("content-length", str(len(body))))
    plain, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": plain,
        "raw_path": plain.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8765),
    }
    gone = asyncio.Event()
    parts = [body[place : place + 65536] for place in range(0, len(body), 65536)] or [b""]
    begun: dict[str, Any] = {}
    received = bytearray()

    async def receive() -> Message:
        if parts:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def taken(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.update(message)
            return
        received.extend(message.get("body", b""))
        if (enough and enough.encode() in received) or not message.get("more_body"):
            gone.set()

    await asyncio.wait_for(app(scope, receive, taken), 60)
    return Answer(begun["status"], _named(begun["headers"]), bytes(received))


def _named(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.decode().lower()
        assert key not in found or key == "vary", f"{key} stands twice"
        found[key] = value.decode()
    return found


__all__ = ["HOST", "TOKEN", "VIEWER", "Answer", "ask", "asking"]
