"""A client of the Redis serialisation protocol (RESP2), as small as an agent needs it.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from . import tcp

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from typing import Any, TypeAlias

MAX_REPLY = 8 << 20
"""Bytes of one reply that are accepted."""

_IP_MTU = 14

Argument: TypeAlias = "bytes | str | int"
Reply: TypeAlias = "Any"
"""None, int, bytes, RespError, or a list of these."""


class RespError(Exception):
    """An error reply, or bytes that are no RESP."""


class Incomplete(Exception):  # noqa: N818 - a state of the parser, not a fault
    """More bytes are needed for a whole reply."""


def encode(*arguments: Argument) -> bytes:
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def parse(buffer: bytes, start: int = 0, depth: int = 0) -> tuple[Reply, int]:
    """The reply that begins at `start`, and where it ends.

    Raises Incomplete when it is not all there yet, RespError when it is not RESP2. An error reply
    is returned as a RespError, so that one inside an array does not hide the others.
    """
    end = buffer.find(b"\r\n", start)
    if end < 0:
        raise Incomplete
    sign, line, position = buffer[start : start + 1], buffer[start + 1 : end], end + 2
    if sign == b"+":
        return line, position
    if sign == b"-":
        return RespError(line.decode("utf-8", "replace")), position
    try:
        number = int(line)
    except ValueError:
        raise RespError("the server's answer is not RESP") from None
    if sign == b":":
        return number, position
    if sign not in (b"$", b"*") or number > MAX_REPLY or depth > 8:
        raise RespError("the server's answer is not RESP, or is too large")
    if number < 0:
        return None, position
    if sign == b"$":
        if len(buffer) < position + number + 2:
            raise Incomplete
        return buffer[position : position + number], position + number + 2
    items: list[Reply] = []
    for _ in range(number):
        item, position = parse(buffer, position, depth + 1)
        items.append(item)
    return items, position


class Connection:
    """One authenticated connection. All methods raise OSError or RespError when it is broken."""

    def __init__(self, host: str, port: int, user: str, password: str, timeout: float) -> None:
        self._buffer = b""
        self._socket = tcp.connect((host, port), timeout)
        try:
            self._socket.setsockopt(tcp.IPPROTO_TCP, tcp.TCP_NODELAY, 1)
            self._socket.setsockopt(tcp.SOL_SOCKET, tcp.SO_KEEPALIVE, 1)
            self.call("AUTH", user, password)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it; allowed at any time."""
        self._socket.close()

    def fileno(self) -> int:
        """Readable when a reply may be there."""
        return self._socket.fileno()

    def mtu(self) -> int:
        """The MTU of the way to the server in bytes, 0 where the system does not tell."""
        try:
            return self._socket.getsockopt(tcp.IPPROTO_IP, _IP_MTU)
        except OSError:
            return 0

    def send(self, *arguments: Argument) -> None:
        """Send one command; its reply comes by `replies`."""
        self.write(encode(*arguments))

    def write(self, data: bytes) -> None:
        """Send what `encode` made: one command or more."""
        self._socket.sendall(data)

    def replies(self) -> list[Reply]:
        """What has arrived; blocks for the socket's timeout unless `fileno` is readable."""
        self._receive()
        found: list[Reply] = []
        position = 0
        while position < len(self._buffer):
            try:
                reply, position = parse(self._buffer, position)
            except Incomplete:
                break
            found.append(reply)
        self._buffer = self._buffer[position:]
        return found

    def call(self, *arguments: Argument) -> Reply:
        """Send one command and wait for its reply; no other command may be under way."""
        self.send(*arguments)
        while True:
            replies = self.replies()
            if replies:
                break
        if len(replies) > 1:
            raise RespError("the server sent more than one answer")
        if isinstance(replies[0], RespError):
            raise replies[0]
        return replies[0]

    def _receive(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("the server closed the connection")
        if len(self._buffer) + len(data) > MAX_REPLY:
            raise RespError("the server's answer is too large")
        self._buffer += data
