"""Seconds in which anybody waited: of several threads that wait at once, each second counts once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Spent:
    """What many may spend on waiting together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting = 0
        self._since = 0.0
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """How long it was until now."""
        with self._lock:
            return self._before + (self._clock() - self._since if self._waiting else 0.0)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count while it lasts."""
        with self._lock:
            self._since = self._since if self._waiting else self._clock()
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._before += self._clock() - self._since
