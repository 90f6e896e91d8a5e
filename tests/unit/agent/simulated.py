"""A simulated world for the HTTP worker: its own clock, its own network, every fate of a request."""

from __future__ import annotations

import errno
import gc
import math
import select
from collections.abc import Callable
from typing import Any

import pytest

from kb_tests.agent import histogram
from kb_tests.agent.http import connection, linux, pool, receiver, worker
from kb_tests.agent.http.load import Load, Share
from kb_tests.agent.page import Page

CHANNEL_FD = 1_000_000
ALONE = Share(number=0, workers=1, connections=4)
EOF, RESET = b"", None
PAGE = Page(8, b"12345678")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678"
FATES: dict[str, list[bytes | None]] = {
    "ok": [OK],
    "split": [OK[:20], OK[20:41], OK[41:]],
    "cut in the empty line": [OK[: OK.index(b"\r\n\r\n") + 1], OK[OK.index(b"\r\n\r\n") + 1 :]],
    "chunked": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1234",
        b"5\r\n3\r\n678\r",
        b"\n0\r\n\r\n",
    ],
    "closing": [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), EOF],
    "until close": [b"HTTP/1.0 200 OK\r\n\r\n1234", b"5678", EOF],
    "http_4xx": [b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"],
    "http_5xx": [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"],
    "truncated": [OK[:-3], EOF],
    "truncated head": [OK[:9], EOF],
    "reset": [RESET],
    "no answer": [EOF],
    "reset in the body": [OK[:-3], RESET],
    "protocol": [b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n"],
    "surplus": [OK + b"more"],
    "timeout": [],
    "hints first": [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK],
    "http/1.0": [OK.replace(b"1.1", b"1.0"), EOF],
    "short": [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"],
    "long": [b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n123456781234"],
    "empty": [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    "short chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\n\r\n"],
    "long until close": [b"HTTP/1.0 200 OK\r\n\r\n12345678", b"9", EOF],
    "cut until close": [b"HTTP/1.0 200 OK\r\n\r\n1234", EOF],
    "cut chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n", EOF],
    "redirect": [b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 8\r\n\r\n12345678"],
    "no content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "another 2xx": [OK.replace(b"200 OK", b"203 Changed")],
    "part": [OK.replace(b"200 OK", b"206 Partial Content")],
    "not modified": [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\n"],
    "other content": [OK.replace(b"12345678", b"12345679")],
}
LATE: dict[str, list[bytes | None]] = {
    "late surplus": [OK, b"more"],
    "a second answer": [OK, OK],
    "garbage without end": [OK, *[b"x" * 4096] * 200],
}
"""What comes while no request is under way."""

WELL = {"ok", "split", "cut in the empty line", "chunked", "closing", "until close"}
WELL |= {"hints first", "http/1.0"}
KEYS = {
    "truncated head": "truncated",
    "no answer": "reset",
    "reset in the body": "reset",
    "surplus": "protocol",
    "other content": "content",
    **dict.fromkeys(("short", "long", "empty", "short chunked", "long until close"), "length"),
    **dict.fromkeys(("cut until close", "cut chunked"), "truncated"),
    **dict.fromkeys(("redirect", "not modified"), "redirect"),
    **dict.fromkeys(("no content", "another 2xx", "part"), "status"),
}


class World:
    """Time, the network, and a server whose answer to each request `fate` gives: what, after how long.

    `connects` gives the errno of each connect and how long it takes; `told` is when each message came.
    """

    def __init__(self, fate: Callable[[float], tuple[str, float]]) -> None:
        self.now = 100.0
        self.fate = fate
        self.connects: Callable[[float], tuple[int, float]] = lambda _now: (0, 0.0001)
        self.connections: dict[int, FakeConnection] = {}
        self.next_fd = 10
        self.answered: list[tuple[str, float]] = []
        self.messages: list[dict[str, Any]] = []
        self.told: list[float] = []
        self.command: list[dict[str, Any]] = []
        self.start_at = math.nan
        self.reading_takes = 0.0

    # The channel

    closed = False

    def fileno(self) -> int:
        return CHANNEL_FD

    def put(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.told.append(self.now)
        if "ready" in message:
            self.start_at = self.now + 0.01
            self.command = [{"start": self.start_at}]

    def get(self) -> list[dict[str, Any]]:
        command, self.command = self.command, []
        return command

    def flush(self) -> bool:
        return True

    # epoll

    def register(self, fd: int, mask: int) -> None:
        pass

    def modify(self, fd: int, mask: int) -> None:
        self.connections[fd].watched = mask != 0

    def poll(self, timeout: float, maximum: int) -> list[tuple[int, int]]:
        if self.command:
            return [(CHANNEL_FD, select.EPOLLIN)]
        watched = {fd: connection for fd, connection in self.connections.items() if connection.watched}
        times = {fd: connection.event_at() for fd, connection in watched.items()}
        self.now = max(self.now, min([*times.values(), self.now + timeout]))
        return [(fd, select.EPOLLIN) for fd, at in times.items() if at <= self.now][:maximum]


class FakeConnection(connection.Connection):
    """A connection to the world's server."""

    world: World
    watched = True

    def __init__(self, address: tuple[str, int], now: float, linger: bool) -> None:
        error, takes = self.world.connects(now)
        if error == errno.EADDRNOTAVAIL:
            raise OSError(error, "connect")
        self.fd = self.world.next_fd
        self.world.next_fd += 1
        self.world.connections[self.fd] = self
        self.error = error
        self.open_at = now + takes
        self.coming: list[tuple[float, bytes | None]] = []
        self.sock = self  # type: ignore[assignment]
        self.send = self.take_request  # type: ignore[assignment]
        self.recv = self.give  # type: ignore[assignment]
        self.recv_into = self.drop  # type: ignore[assignment]
        self.connecting, self.usable, self.fault = True, False, "reset"
        self.since, self.due = now, math.inf
        self.remaining = 0
        self.block = self.head = self.parser = None

    def event_at(self) -> float:
        if self.connecting:
            return self.open_at
        return self.coming[0][0] if self.coming else math.inf

    def establish(self) -> int:
        return self.error

    def close(self) -> None:
        del self.world.connections[self.fd]

    def take_request(self, request: bytes) -> int:
        fate, delay = self.world.fate(self.world.now)
        self.world.answered.append((fate, self.world.now))
        pieces = FATES[fate] if fate in FATES else LATE[fate]
        for i, piece in enumerate(pieces):
            self.coming.append((self.world.now + delay + i * 0.0001, piece))
        if b"Connection: close" in request and pieces and EOF not in pieces:
            self.coming.append((self.world.now + delay + 0.001, EOF))
        return len(request)

    def give(self, size: int) -> bytes:
        if not self.coming or self.coming[0][0] > self.world.now:
            raise BlockingIOError
        self.world.now += self.world.reading_takes
        at, piece = self.coming.pop(0)
        if piece is RESET:
            raise ConnectionResetError
        if piece == EOF:
            self.coming.insert(0, (at, EOF))
        elif len(piece) > size:
            self.coming.insert(0, (at, piece[size:]))
        return piece[:size]

    def drop(self, _buffer: bytearray, size: int, _flags: int) -> int:
        return len(self.give(size))


class NoTimer:
    fd = -1

    def set(self, first: float, interval: float) -> None:
        pass


def simulate(world: World, share: Share = ALONE, seed: int = 0, **options: Any) -> dict[str, Any]:
    """Run one worker; returns the sum of its blocks, with `response` and `service` as mappings."""
    http = {
        "rate": 200,
        "connections": share.connections * share.workers,
        "path": "/",
        "size": PAGE.size,
        "port": 80,
        "keep_alive": True,
        "warm_up": 0.2,
        "duration": 1.0,
        "timeout": 0.3,
        "block": 0.4,
        "tls": False,
    } | options
    load = Load.of("192.0.2.1", http)
    with pytest.MonkeyPatch.context() as patch:
        for module in (worker, pool, receiver):
            patch.setattr(module, "_clock", lambda: world.now)
        for name in ("freeze", "disable"):
            patch.setattr(gc, name, lambda: None)
        patch.setattr(select, "epoll", lambda: world)
        patch.setattr(linux, "Timer", NoTimer)
        patch.setattr(linux, "prepare_process", lambda: None)
        patch.setattr(worker, "Connection", type("Here", (FakeConnection,), {"world": world}))
        worker.Worker(load, share, PAGE, world, world.now + 5, seed).run()  # type: ignore[arg-type]
    blocks = [message for message in world.messages if "block" in message]
    seconds = [message for message in world.messages if "second" in message]
    assert [block["block"] for block in sorted(blocks, key=lambda block: block["block"])] == [
        *range(math.ceil(load.duration / load.block - 1e-9))
    ]
    total: dict[str, Any] = {"errors": {}, "response": {}, "service": {}, "done": world.messages[-1]}
    for block in blocks:
        counts = block["counts"]
        ended = counts["completed"] + counts["unsent"] + counts["inflight"] + sum(counts["errors"].values())
        assert counts["due"] == ended
        for key in ("due", "sent", "completed", "unsent", "inflight", "bytes"):
            total[key] = total.get(key, 0) + counts[key]
        for key, n in counts["errors"].items():
            total["errors"][key] = total["errors"].get(key, 0) + n
        histogram.add(total["response"], block["response"])
        histogram.add(total["service"], block["service"])
    first = -math.ceil(load.warm_up)
    assert [second["second"] for second in seconds] == [*range(first, first + len(seconds))]
    total["seconds"], total["blocks"] = seconds, blocks
    timed = total["completed"] + total["inflight"] + total["errors"].get("timeout", 0)
    assert sum(total["response"].values()) == timed
    assert total["bytes"] == 8 * total["completed"]
    assert total["done"]["done"] is True
    return total
