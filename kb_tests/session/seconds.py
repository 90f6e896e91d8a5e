"""Merges what agents say of a second of a load into one event, while the load runs.

A second is told once all agents' part of it is there, or `PATIENCE` later without those that are missing: one
silent agent of a thousand must not freeze the view of the others. What comes later than that, twice, or of a
second that is none of this point is left out here; the measurement has its own account of it.
"""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kb_tests.events.model import Second

PATIENCE = 2.0
"""Seconds that a second waits for the agents that have not told of it."""

OPEN = 8
"""Seconds under way at most: an agent that is ahead of all others by more does not fill the memory."""

NAMED = 5
"""Agents that are named among the missing."""

MOST = 1 << 53
"""The largest count that is told: those of a thousand agents that lie add up to more."""

LONGEST = 1e6
"""Seconds that one is told to have taken at most."""

HOSTS = 200
"""Hosts that a second tells of at most: the slowest."""

_SILENT = 255
BEYOND = 254
"""The bucket of what is slower than any that was measured."""


@dataclass(frozen=True)
class Part:
    """One agent's part of a second: counts, bytes of completed requests or I/Os, and coarse latency buckets.

    `seconds` is how long it was, `slower` how many took longer than each limit, by its check's name. `lag` is
    how late the generator sent at worst (seconds), `cpu` how busy it was; None where it does not tell.
    """

    agent: str
    index: int
    due: int
    completed: int
    failed: int
    bytes: int
    buckets: Iterable[tuple[int, int]]
    seconds: float = 1.0
    slower: Mapping[str, int] = field(default_factory=dict)
    lag: float | None = None
    cpu: float | None = None


class _Open:
    """A second that is not told yet."""

    def __init__(self, agents: int, since: float) -> None:
        self.since = since
        self.agents: set[str] = set()
        self.due = self.completed = self.failed = self.bytes = 0
        self.length = 0.0
        self.slower: Counter[str] = Counter()
        self.lag: float | None = None
        self.cpu: float | None = None
        self.buckets: Counter[int] = Counter()
        self.hosts: dict[str, tuple[list[int], Counter[int]]] = {}
        self.servers = bytearray([_SILENT]) * agents
        self.shares = bytearray([_SILENT]) * agents


class Seconds:
    """The seconds of one look at a point.

    `agents` are those that take part, {name: host of what it loads}, in the order of the topology; `first`
    and `last` the indices that belong to the point. `tell` gets each merged second once, in their order.
    """

    def __init__(
        self,
        cloud: str,
        point: str,
        agents: Mapping[str, str],
        tell: Callable[[Second], None],
        *,
        first: int,
        last: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud
        self._point = point
        self._hosts = agents
        self._places = {name: place for place, name in enumerate(agents)}
        self._tell = tell
        self._first = first
        self._last = last
        self._clock = clock
        self._open: dict[int, _Open] = {}
        self._told = first - 1

    def add(self, part: Part) -> None:
        """Take one agent's part; tell of what is whole now, or has waited long enough."""
        place = self._places.get(part.agent)
        if place is None or not max(self._first, self._told + 1) <= part.index <= self._last:
            return
        now = self._clock()
        second = self._open.setdefault(part.index, _Open(len(self._places), now))
        if part.agent not in second.agents:
            self._merge(second, part, place)
        while self._open:
            index = min(self._open)
            oldest = self._open[index]
            whole = len(oldest.agents) == len(self._places)
            if not whole and now - oldest.since < PATIENCE and len(self._open) <= OPEN:
                break
            self._finish(index)

    def end(self) -> None:
        """Tell of what is left: the load is over."""
        for index in sorted(self._open):
            self._finish(index)

    def _merge(self, second: _Open, part: Part, place: int) -> None:
        buckets = Counter(dict(part.buckets))
        second.agents.add(part.agent)
        second.due += part.due
        second.completed += part.completed
        second.failed += part.failed
        second.bytes += part.bytes
        second.length = max(second.length, part.seconds)
        second.slower.update(part.slower)
        second.lag = _worst(second.lag, part.lag)
        second.cpu = _worst(second.cpu, part.cpu)
        second.buckets.update(buckets)
        second.servers[place] = _p99(buckets, part.failed)
        share = round(100 * part.completed / part.due) if part.due else 100
        share -= share == 100 and part.completed < part.due  # what is not whole is never told as whole
        second.shares[place] = min(share, _SILENT - 1)
        counts, of_host = second.hosts.setdefault(self._hosts[part.agent], ([0, 0], Counter()))
        counts[0] += part.completed
        counts[1] += part.failed
        of_host.update(buckets)

    def _finish(self, index: int) -> None:
        second = self._open.pop(index)
        self._told = index
        hosts = [
            (host, min(counts[0], MOST), min(counts[1], MOST), _p99(buckets, counts[1]))
            for host, (counts, buckets) in second.hosts.items()
        ]
        hosts.sort(key=lambda row: (-row[3], row[0]))
        self._tell(
            Second(
                cloud=self._cloud,
                point=self._point,
                index=index,
                agents=len(second.agents),
                expected=len(self._places),
                missing=tuple(_missing(self._places, second.agents)),
                due=min(second.due, MOST),
                completed=min(second.completed, MOST),
                failed=min(second.failed, MOST),
                bytes=min(second.bytes, MOST),
                buckets=tuple((bucket, min(count, MOST)) for bucket, count in sorted(second.buckets.items())),
                hosts=tuple(hosts[:HOSTS]),
                servers=base64.b64encode(second.servers[:10_000]).decode(),
                shares=base64.b64encode(second.shares[:10_000]).decode(),
                slower={name: min(count, MOST) for name, count in second.slower.items()},
                lag=second.lag,
                cpu=second.cpu,
                length=min(max(0.1, second.length), LONGEST),
            )
        )


def _worst(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


def _missing(names: Iterable[str], there: set[str]) -> Sequence[str]:
    return [name for name in names if name not in there][:NAMED]


def _p99(buckets: Mapping[int, int], failed: int) -> int:
    """The bucket that holds the 99th percentile, `BEYOND` where that is among the failed ones, which are
    slower than any; 0 if there is nothing.
    """
    done = sum(buckets.values())
    rank = (done + failed) * 0.99
    if rank > done:
        return BEYOND
    for bucket in sorted(buckets):
        rank -= buckets[bucket]
        if rank <= 0:
            return min(bucket, BEYOND)
    return 0
