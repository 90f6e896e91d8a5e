"""A worker's accounts: by the second in which things happen, and by the block in which requests are due."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from .. import histogram


class Tally:
    """Requests by how they ended, and their times as `histogram` counts them.

    Times are those of completed requests and of timed-out ones; response times also those of requests in
    flight at the end of the drain, which have taken a timeout or longer by then. Leaving out the slowest
    would flatter the server; so would a fast failure, which is only counted. `bytes` are those of completed
    requests' bodies.
    """

    __slots__ = ("bytes", "completed", "due", "errors", "inflight", "response", "sent", "service", "unsent")

    def __init__(self) -> None:
        self.due = self.sent = self.completed = self.unsent = self.inflight = self.bytes = 0
        self.errors: defaultdict[str, int] = defaultdict(int)
        self.response: defaultdict[int, int] = defaultdict(int)
        self.service: defaultdict[int, int] = defaultdict(int)

    def pending(self) -> int:
        """How many of those that were due have not ended."""
        return self.due - self.completed - self.unsent - self.inflight - sum(self.errors.values())

    def counts(self) -> dict[str, Any]:
        """The `counts` of `protocol`."""
        return {
            "due": self.due,
            "sent": self.sent,
            "completed": self.completed,
            "unsent": self.unsent,
            "inflight": self.inflight,
            "bytes": self.bytes,
            "errors": dict(self.errors),
        }


class Links:
    """Connections: how many are `open` now; how many were `opened`, were `refused` (or timed out), and had no
    local port (`unavailable`) so far.
    """

    __slots__ = ("open", "opened", "refused", "unavailable")

    def __init__(self) -> None:
        self.open = self.opened = self.refused = self.unavailable = 0

    def all(self) -> tuple[int, int, int, int]:
        """All four."""
        return self.open, self.opened, self.refused, self.unavailable


class Block(Tally):
    """The requests that are due in [begin, end), seconds of CLOCK_MONOTONIC; index -1 is the warm-up."""

    __slots__ = ("begin", "end", "index")

    def __init__(self, index: int, begin: float, end: float) -> None:
        super().__init__()
        self.index = index
        self.begin = begin
        self.end = end

    def message(self, origin: float) -> dict[str, Any]:
        """What the parent process gets; `origin` is the beginning of the measured window."""
        return {
            "block": self.index,
            "begin": round(self.begin - origin, 6),
            "seconds": round(self.end - self.begin, 6),
            "counts": self.counts(),
            "response": histogram.flat(self.response),
            "service": histogram.flat(self.service),
        }


class Second(Tally):
    """What happens in the second that ends at `end`; `index` counts from the measured window on. Of the
    connections that are kept there were never fewer than `open`. `lag` is how late a request was noticed at
    worst, `cpu` the share of the second in which the worker was busy.
    """

    __slots__ = ("cpu", "end", "index", "lag", "open")

    def __init__(self, index: int, end: float, open_: int) -> None:
        super().__init__()
        self.index = index
        self.end = end
        self.open = open_
        self.lag = self.cpu = 0.0

    def slower(self, limit: float, timeout: float) -> int:
        """How many that ended in it took longer than `limit` seconds, or were not done well."""
        bound = limit * 1e6 * (1 + 1e-12)
        within = sum(n for at, n in self.response.items() if histogram.highest(at) <= bound)
        if limit >= timeout:
            within -= max(0, sum(self.response.values()) - self.completed)
        ended = self.completed + self.unsent + self.inflight + sum(self.errors.values())
        return ended - max(0, min(self.completed, within))

    def message(self, limits: tuple[float, ...], timeout: float) -> dict[str, Any]:
        """What the parent process gets."""
        return {
            "slower": [self.slower(limit, timeout) for limit in limits],
            "lag": round(self.lag, 6),
            "cpu": round(self.cpu, 3),
            "second": self.index,
            "open": self.open,
            "counts": self.counts(),
            "buckets": histogram.coarse(self.response),
        }
