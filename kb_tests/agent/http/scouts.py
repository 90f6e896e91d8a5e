"""Finds out soon that a server takes connections again: single connects, beside the pool's own."""

from __future__ import annotations

import math
import random
import select
from collections import deque
from typing import Callable

from .connection import Connection
from .pool import LONGEST_PAUSE, Pool

PAUSE = 0.25  # seconds between two of them
REST = 2 * LONGEST_PAUSE  # seconds after one that succeeded
MOST = 8  # of them under way: a server whose answer takes two seconds is found by the pool's own


class Scouts:
    """While none of the connections that `pool` is to keep open is: a connect every quarter of a second.

    They carry no requests, and count nowhere. Once one succeeds, the pool tries its own at once, for which it
    would have waited up to LONGEST_PAUSE, or the kernel for the answer to a packet that was lost. Then they
    rest, so that a server that takes connections and ends them gets hardly more of these.
    """

    def __init__(self, pool: Pool, epoll: select.epoll, make: Callable[[float], Connection]) -> None:
        self._pool = pool
        self._epoll = epoll
        self._make = make
        self._next = -math.inf
        self._sent: deque[Connection] = deque()

    def look(self, now: float) -> None:
        """Send one if it is time; to be called all the time under load."""
        pool = self._pool
        if not (pool.keep_alive and pool.empty):
            self._next = max(self._next, now + PAUSE)  # a server that closes them in turn is not gone
            self.close()
        elif now >= self._next:
            self._next = now + PAUSE * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            if len(self._sent) >= MOST:
                self._sent.popleft().sock.close()
            try:
                scout = self._make(now)
            except OSError:
                return
            self._epoll.register(scout.fd, select.EPOLLOUT)
            self._sent.append(scout)

    def came(self, fd: int, now: float) -> bool:
        """Something has happened to one of them, if `fd` is one: it has succeeded or failed."""
        for scout in self._sent:
            if scout.fd == fd:
                break
        else:
            return False
        works = scout.establish() == 0
        self._sent.remove(scout)
        scout.sock.close()
        if works:
            self._next = now + REST
            self.close()
            self._pool.found(scout.since)
        return True

    def close(self) -> None:
        """End those that are under way."""
        while self._sent:
            self._sent.pop().sock.close()
