"""Length-prefixed JSON between a worker and its parent process, over a non-blocking socket pair."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any


class Channel:
    """One end. `closed` is set when the other end is gone."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.closed = False
        self._out = bytearray()
        self._in = bytearray()

    def fileno(self) -> int:
        """For selectors."""
        return self.sock.fileno()

    def put(self, message: dict[str, Any]) -> None:
        """Send, now or with a later `flush`."""
        data = json.dumps(message, separators=(",", ":")).encode("ascii")
        self._out += struct.pack(">I", len(data)) + data
        self.flush()

    def flush(self) -> bool:
        """Send what has not gone out yet; True if nothing is left."""
        while self._out and not self.closed:
            try:
                del self._out[: self.sock.send(self._out)]
            except BlockingIOError:
                return False
            except OSError:
                self.closed = True
        return True

    def get(self) -> list[dict[str, Any]]:
        """All messages that have arrived."""
        while not self.closed:
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
            self._in += data
        messages = []
        while len(self._in) >= 4:
            (size,) = struct.unpack_from(">I", self._in)
            if len(self._in) < 4 + size:
                break
            messages.append(json.loads(self._in[4 : 4 + size]))
            del self._in[: 4 + size]
        return messages

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self.sock.close()
