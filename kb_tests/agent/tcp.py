"""TCP connections by the C module of the standard library, without the package `socket` around it: that
imports `enum` and `selectors`, and with them a fifth of an idle agent's memory.
"""

from __future__ import annotations

try:
    import _socket as socket
except ImportError:  # another interpreter than CPython
    import socket  # type: ignore[no-redef]

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from typing import Self

IPPROTO_IP, IPPROTO_TCP, SOL_SOCKET = socket.IPPROTO_IP, socket.IPPROTO_TCP, socket.SOL_SOCKET
SO_KEEPALIVE, TCP_NODELAY = socket.SO_KEEPALIVE, socket.TCP_NODELAY

gethostname = socket.gethostname


class Connection(socket.socket):
    """A socket that `with` closes."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(address: tuple[str, int], timeout: float) -> Connection:
    """A connection whose calls each take at most `timeout` seconds. Raises OSError."""
    host, port = address
    # As bytes: a text would be encoded by IDNA's rules, whose tables are half a megabyte.
    found = socket.getaddrinfo(host.encode("ascii"), port, 0, socket.SOCK_STREAM)
    family, kind, protocol, _, place = found[0]
    connection = Connection(family, kind, protocol)
    try:
        connection.settimeout(timeout)
        connection.connect(place)
    except BaseException:
        connection.close()
        raise
    return connection


def local(path: str, timeout: float) -> Connection:
    """As `connect`, to a socket in the file system."""
    connection = Connection(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection
