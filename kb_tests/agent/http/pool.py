"""The connections of one worker: opened in paced batches, and again, with a back-off, when they end."""

from __future__ import annotations

import math
import random
import select
import time
from collections import deque
from typing import Callable, Optional

from .accounts import Accounts
from .connection import Connection
from .tally import Block

OPENING = 64  # connections under way at a time: well under any server's backlog
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between rounds of connects to a server that fails them

_clock = time.monotonic


class Pool:
    """So many connections: all of them kept open, or each for one request if not `keep_alive`.

    `idle` are open and wait for a request (it may hold closed ones); `missing` are to be opened; `free` are
    not in use, where each is new; of those, `spoilt` brought bytes that nobody asked for, each of which costs
    a request. `pause` is how long the next back-off takes.
    `make` begins a connect, as `Connection` does.
    """

    def __init__(
        self,
        size: int,
        keep_alive: bool,
        epoll: select.epoll,
        make: Callable[[float, bool], Connection],
        accounts: Accounts,
    ) -> None:
        self.size = size
        self.keep_alive = keep_alive
        self.connections: dict[int, Connection] = {}
        self.idle: deque[Connection] = deque()
        self.free = 0 if keep_alive else size
        self.missing = size if keep_alive else 0
        self.opening = 0
        self.spoilt = 0
        self.retry_at = -math.inf
        self.pause = FIRST_PAUSE
        self._epoll = epoll
        self._make = make
        self._accounts = accounts

    @property
    def empty(self) -> bool:
        """Whether none of the connections that are to be kept open is."""
        return self.missing + self.opening == self.size

    def connect(self, block: Optional[Block], due: float) -> None:
        """Begin to open one, for a request of `block` if there is one; raises OSError."""
        connection = self._make(_clock(), not self.keep_alive)
        connection.block = block
        connection.due = due
        self.connections[connection.fd] = connection
        self._epoll.register(connection.fd, select.EPOLLOUT)
        self.opening += 1
        if self.keep_alive:
            self.missing -= 1
        else:
            self.free -= 1

    def establish(self, connection: Connection) -> Optional[int]:
        """Go on opening it: 0 once it is open, the errno if it failed, None if there is more to wait for."""
        error = connection.establish()
        if error is None:
            self._epoll.modify(connection.fd, connection.awaits)
        elif not error:
            was_empty = self.empty
            connection.connecting = False
            self.opening -= 1
            self._epoll.modify(connection.fd, select.EPOLLIN)
            if self.keep_alive:
                self._accounts.opened()
                if was_empty:
                    self._begin_anew(connection.since - FIRST_PAUSE)
        return error

    def release(self, connection: Connection) -> None:
        """It is idle now."""
        connection.since = math.inf
        self.idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection that has no request under way; another takes its place."""
        del self.connections[connection.fd]
        connection.sock.close()
        connection.fd = -1
        if connection.connecting:
            self.opening -= 1
        if not self.keep_alive:
            self.free += 1
            return
        if not connection.connecting:
            self._accounts.closed(_clock())
        self.missing += 1
        if not connection.usable:
            self.back_off()

    def spoil(self, connection: Connection) -> None:
        """Bytes came on it that nobody asked for: the next request that would go out on it fails."""
        if self.keep_alive:
            connection.spoil()
            self._epoll.modify(connection.fd, 0)  # there may be no end of them
        else:
            self.spoilt += 1
            self.drop(connection)

    def back_off(self) -> None:
        """Let a pause pass before the next connect: twice the one before."""
        now = _clock()
        if now >= self.retry_at:
            self.retry_at = now + self.pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            self.pause = min(self.pause * 2, LONGEST_PAUSE)

    def found(self, since: float) -> None:
        """The server takes connections again, as one begun at `since` shows: try now."""
        self._begin_anew(since)
        self.retry_at = -math.inf

    def _begin_anew(self, since: float) -> None:
        """Begin those anew that hang since before `since`: the kernel would wait a second, or three."""
        pause, retry_at = self.pause, self.retry_at
        for connection in list(self.connections.values()):
            if connection.connecting and connection.block is None and connection.since < since:
                self.drop(connection)
        self.pause, self.retry_at = pause, retry_at

    def overdue(self, limit: float) -> list[Connection]:
        """Those whose wait for the server began before `limit`."""
        return [connection for connection in self.connections.values() if connection.since < limit]

    def tidy(self) -> None:
        """Forget closed connections that would heap up among the idle ones."""
        if len(self.idle) > 2 * self.size:
            still = [connection for connection in self.idle if connection.fd >= 0]
            self.idle.clear()
            self.idle.extend(still)
