"""A bound on what the other side of a byte stream may answer, in bytes and in time.

The proxy comes from the same image as the agents, and its Redis is not trusted more than they are. redis-py
reads until an answer is complete, however long that takes and however long it is.
"""

from __future__ import annotations

import time
from typing import Any

SLOWEST = 128 << 10
"""Bytes per second that an answer has to make at the least, once its time is over."""


class TooMuchError(Exception):
    """An answer is longer than `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"its answer is longer than {most:,} bytes")


class BoundedStream:
    """A stream that ends an answer of more than `most` bytes by TooMuchError, and one that has not come after
    `seconds`, and goes on slower than SLOWEST, by TimeoutError. An answer begins with what was sent.
    """

    def __init__(self, stream: Any, most: int, seconds: float) -> None:
        self._stream = stream
        self._most = most
        self._seconds = seconds
        self._got = 0
        self._asked = time.monotonic()

    def sendall(self, data: bytes) -> None:
        """Ask for something."""
        self._stream.sendall(data)
        self._got, self._asked = 0, time.monotonic()

    def recv(self, size: int) -> bytes:
        """Some more of the answer."""
        if time.monotonic() > self._asked + self._seconds + self._got / SLOWEST:
            raise TimeoutError
        data: bytes = self._stream.recv(size)
        self._got += len(data)
        if self._got > self._most:
            raise TooMuchError(self._most)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
