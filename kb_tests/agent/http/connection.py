"""One TCP connection to the target, and the request that is under way on it."""

from __future__ import annotations

import errno
import math
import select
import socket
import struct
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .response import Head, ResponseParser
    from .tally import Block

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _spoilt(_request: bytes) -> int:
    raise OSError(errno.EPROTO, "bytes that nobody asked for")


class Connection:
    """`block` is the block of the request under way, None if there is none.

    `since` is when we began to wait for the server: the request's sending, else the connect; infinite while
    the connection is idle. `remaining` body bytes may be dropped unread. `usable` once it has carried a
    response. `awaits` is what epoll is to watch for while it is being opened, `fault` the key of
    `protocol.ERRORS` that a request which cannot be sent on it fails with.
    """

    __slots__ = (
        "awaits",
        "block",
        "connecting",
        "due",
        "fault",
        "fd",
        "head",
        "parser",
        "recv",
        "recv_into",
        "remaining",
        "send",
        "since",
        "sock",
        "usable",
    )

    def __init__(self, address: tuple[str, int], now: float, linger: bool) -> None:
        """Begin to connect; raises OSError. Without `linger` our own close resets the connection, which
        leaves no TIME_WAIT: thousands of connections a point would use up the local ports.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if not linger:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            error = sock.connect_ex(address)
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, "connect")
        except OSError:
            sock.close()
            raise
        self.sock = sock
        self.fd = sock.fileno()
        self.send = sock.send
        self.recv = sock.recv
        self.recv_into = sock.recv_into
        self.connecting = True
        self.awaits = select.EPOLLOUT
        self.usable = False
        self.fault = "reset"
        self.since = now
        self.due = math.inf
        self.remaining = 0
        self.block: Optional[Block] = None
        self.head: Optional[Head] = None
        self.parser: Optional[ResponseParser] = None

    def establish(self) -> Optional[int]:
        """Go on after an event: 0 if it is open, the errno if it failed, None if it goes on (`awaits`)."""
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def tls(self) -> str:
        """Version and cipher suite of TLS, "" without."""
        return ""

    def spoil(self) -> None:
        """Bytes came that nobody asked for: whoever sends the next request would take them for its answer.
        So that request fails, as one whose answer is no HTTP.
        """
        self.send = _spoilt  # type: ignore[assignment]
        self.fault = "protocol"
