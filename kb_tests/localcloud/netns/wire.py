"""How driver and helper talk: JSON messages with a length in front, over a unix stream socket.

File descriptors travel beside the message that announces them in its field `fds` (a count).
"""

from __future__ import annotations

import json
import socket
import struct
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

Message = dict[str, Any]

_LENGTH = struct.Struct("!I")
_ANCILLARY = socket.CMSG_SPACE(8 * array("i").itemsize)


def encode(message: Message) -> bytes:
    """The bytes of a message on the socket."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class Reader:
    """Takes messages from a socket, blocking or not."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._buffer = bytearray()
        self._fds: deque[int] = deque()

    def receive(self) -> Iterator[tuple[Message, list[int]]]:
        """Read once and give every message that is whole by now, with its descriptors.

        Raises `EOFError` when the other side is gone.
        """
        try:
            data, ancillary, _, _ = self._source.recvmsg(1 << 18, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            raise EOFError from None
        for level, kind, packed in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._fds.extend(array("i", packed))
        if not data:
            raise EOFError
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            message: Message = json.loads(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
            yield message, [self._fds.popleft() for _ in range(message.get("fds", 0))]


def send(target: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Send one message and its descriptors through a blocking socket."""
    if fds:
        message = {**message, "fds": len(fds)}
    data = encode(message)
    if fds:
        sent = socket.send_fds(target, [data], list(fds))
        data = data[sent:]
    if data:
        target.sendall(data)
