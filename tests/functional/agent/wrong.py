"""Web servers that answer wrongly, each in its own way, on raw sockets."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from kb_tests.agent.page import Page

PAGE = Page(4096)
BODY = b"".join(PAGE.pieces())
OTHER = bytes(byte ^ 1 for byte in BODY)
OK = b"HTTP/1.1 200 OK\r\n"
GOOD = OK + b"Content-Length: 4096\r\n\r\n" + BODY
LOGIN = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"

Serve = Callable[[socket.socket, int], None]
"""Serves one connection, the n-th that was accepted, until it ends."""


def _requests(client: socket.socket) -> Iterator[None]:
    """One for each request that comes."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = client.recv(65_536)
            if not more:
                return
            data += more
        data = data.partition(b"\r\n\r\n")[2]
        yield


def answering(*answers: bytes) -> Serve:
    """These in turns, over all connections."""
    turns = iter(range(1 << 60))

    def serve(client: socket.socket, _number: int) -> None:
        for _ in _requests(client):
            client.sendall(answers[next(turns) % len(answers)])

    return serve


def once(answer: bytes) -> Serve:
    """This, and then the connection ends."""

    def serve(client: socket.socket, _number: int) -> None:
        for _ in _requests(client):
            client.sendall(answer)
            return

    return serve


def twice(client: socket.socket, _number: int) -> None:
    """Each answer is followed by another, a moment later."""
    for _ in _requests(client):
        client.sendall(GOOD)
        threading.Event().wait(0.005)
        client.sendall(GOOD)


def silent(client: socket.socket, _number: int) -> None:
    """Takes requests, and says nothing."""
    for _ in _requests(client):
        pass


def resetting(client: socket.socket, _number: int) -> None:
    """Ends each connection hard as soon as it is there."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def few(connections: int) -> Serve:
    """Serves so many connections, and ends all others as soon as they are there."""

    def serve(client: socket.socket, number: int) -> None:
        if number < connections:
            answering(GOOD)(client, number)

    return serve


@contextlib.contextmanager
def serving(serve: Serve, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[int]:
    """The server's port; a thread a connection, all of which end with it."""
    clients: list[socket.socket] = []

    def take(client: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(client, number)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threading.Thread(target=take, args=(client, len(clients) - 1), daemon=True).start()

    with socket.create_server(address, backlog=256) as listener:
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for client in clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                client.close()


WRONG: dict[str, Serve] = {
    "short": answering(OK + b"Content-Length: 5\r\n\r\nhello"),
    "long": answering(OK + b"Content-Length: 4097\r\n\r\n" + BODY + b"x"),
    "empty": answering(OK + b"Content-Length: 0\r\n\r\n"),
    "other content": answering(OK + b"Content-Length: 4096\r\n\r\n" + OTHER),
    "redirect": answering(LOGIN),
    "204": answering(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "cut off": once(b"HTTP/1.0 200 OK\r\n\r\n" + BODY[:1000]),
    "one bad in twenty": answering(*[GOOD] * 19, OK + b"Content-Length: 5\r\n\r\nhello"),
    "few connections": few(2),
    "accept, then reset": resetting,
    "accept, then silence": silent,
}
"""A cloud that any of these stands in must not pass."""

WRONG_TOO: dict[str, Serve] = {
    "a proxy's error page": answering(OK + b"Content-Type: text/html\r\nContent-Length: 9\r\n\r\n<h1>No.</h"),
    "chunks of another length": answering(
        OK + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + BODY[:1000] + b"\r\n0\r\n\r\n"
    ),
    "chunks of another content": answering(
        OK + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + OTHER + b"\r\n0\r\n\r\n"
    ),
    "chunks without an end": once(OK + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + BODY + b"\r\n"),
    "more than its length": answering(GOOD + b"more"),
    "a second answer": twice,
    "less than its length": once(OK + b"Content-Length: 4096\r\n\r\n" + BODY[:-1]),
    "a wrong length": answering(OK + b"Content-Length: 4095\r\n\r\n" + BODY),
    "two lengths": answering(OK + b"Content-Length: 4096\r\nContent-Length: 5\r\n\r\n" + BODY),
    "HTTP/1.0, which keeps no connection": once(GOOD.replace(b"1.1", b"1.0")),
    "continue, and no more": answering(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "part of it": answering(
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4095/9999\r\nContent-Length: 4096\r\n\r\n"
        + BODY
    ),
    "compressed": answering(
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4096\r\n\r\n\x1f\x8b" + BODY[2:]
    ),
    "SSH": answering(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
}
"""More of their kinds."""

RIGHT: dict[str, Serve] = {
    "with a length": answering(GOOD),
    "chunked": answering(OK + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "continue first": answering(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD),
    "HTTP/1.0, kept alive": answering(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4096\r\n\r\n" + BODY
    ),
}
