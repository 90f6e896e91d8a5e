"""A server's console log: the last part of what came out of a pipe."""

from __future__ import annotations

import asyncio
import os

_KEPT = 256 * 1024
_CHUNK = 64 * 1024


class Console:
    """Reads a server's console, over all its boots."""

    def __init__(self) -> None:
        self._log = bytearray()
        self._fd: int | None = None

    def follow(self, fd: int) -> None:
        """Read from `fd` (and own it) instead of the boot before."""
        self.close()
        self._fd = fd
        os.set_blocking(fd, False)
        asyncio.get_running_loop().add_reader(fd, self._readable)

    def text(self) -> str:
        """The last 256 KiB."""
        if self._fd is not None:
            self._readable()
        return self._log[-_KEPT:].decode(errors="replace")

    def close(self) -> None:
        """Stop reading; what was read stays."""
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _readable(self) -> None:
        assert self._fd is not None
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        self._log += data
        if len(self._log) > 2 * _KEPT:
            del self._log[:-_KEPT]
