"""A small HTTP server that does to each request exactly what it is told, and knows how long it took."""

from __future__ import annotations

import contextlib
import heapq
import multiprocessing
import select
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100


class Answer(NamedTuple):
    """What a request gets: bytes (None is silence) after some seconds, then perhaps the connection's end.

    `flood` repeats the bytes for as long as the client takes them.
    """

    data: bytes | None = OK
    delay: float = 0.0
    close: bool = False
    flood: bool = False


class Server(NamedTuple):
    """`times` gives the seconds that each answer has taken inside the server so far; `kill` ends it."""

    port: int
    times: Callable[[], list[float]]
    kill: Callable[[], None]


@contextlib.contextmanager
def serving(plan: Callable[[int], Answer]) -> Iterator[Server]:
    """A server process; `plan` tells what request 0, 1, 2 ... gets."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener, theirs, plan))
    process.start()
    port = listener.getsockname()[1]
    listener.close()
    theirs.close()

    def times() -> list[float]:
        ours.send(None)
        taken: list[float] = ours.recv()
        return taken

    try:
        yield Server(port, times, process.kill)
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(listener: socket.socket, control: Connection, plan: Callable[[int], Answer]) -> None:
    clients: set[socket.socket] = set()
    floods: dict[socket.socket, bytes] = {}
    waiting: list[tuple[float, int, float, socket.socket, Answer]] = []
    times: list[float] = []
    number = 0
    while True:
        wait = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        sources: list[Any] = [control, listener, *clients]
        readable, writable, _ = select.select(sources, [*floods], [], wait)
        now = time.monotonic()
        for ready in readable:
            if ready is control:
                control.recv()
                control.send(times)
            elif ready is listener:
                client, _ = listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients.add(client)
            elif _received(ready):
                answer = plan(number)
                heapq.heappush(waiting, (now + answer.delay, number, now, ready, answer))
                number += 1
            else:
                clients.discard(ready)
                floods.pop(ready, None)
                ready.close()
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, since, client, answer = heapq.heappop(waiting)
            if client not in clients:
                continue
            if answer.data is not None:
                client.send(answer.data)
                times.append(time.monotonic() - since)
            if answer.flood and answer.data:
                floods[client] = answer.data * 100
            if answer.close:
                clients.discard(client)
                client.close()
        for client in writable:
            if client in floods:
                with contextlib.suppress(OSError):
                    client.send(floods[client])


def _received(client: socket.socket) -> bool:
    try:
        return bool(client.recv(65_536))
    except OSError:
        return False
