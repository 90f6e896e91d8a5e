"""What one agent measured of a broken limit, as this room needs it, whatever the kind of load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kb_tests.compare.estimate import chance
from kb_tests.measure.latency import Latency

LEAST_TIME = 1e-6

BIN = 0.016
"""How far apart times are at the least that are told apart: fio's bins are 1/64 wide. Where all servers'
percentiles lie in one bin, that is all that is known of their spread.
"""

LEAST_STALL = 0.05
"""Seconds for which shorter stalls, and none at all, are taken."""

LONGEST_VARIES = 0.2
"""The standard deviation of the longest stall's logarithm, if nothing differs: of n exponential gaps it is
1.28 / ln n (Gumbel 1958), 0.14 for ten thousand. Most servers have no stall at all, and tell of no spread.
"""


@dataclass(frozen=True)
class Block:
    """The times of what was due in one block of an agent, which began `at` seconds and took `seconds`."""

    at: float
    seconds: float
    times: Latency


@dataclass(frozen=True)
class Seen:
    """What the agent of that name measured: the times of all that were due, `failed` of which did not come to
    a good end, the `rate` of those that did, and the longest `stall` in seconds.
    """

    agent: str
    times: Latency
    failed: int
    rate: float
    stall: float
    blocks: tuple[Block, ...]


class Limit(Protocol):
    """A limit that broke, as a figure of each server."""

    def figure(self, seen: Seen) -> tuple[float, float, float]:
        """The figure, its standard deviation by chance, and its value (see `blame.Server`)."""

    def bad(self, seen: Seen) -> float:
        """How many stand against the limit."""

    def beyond(self, value: float) -> bool:
        """Whether who has this value breaks the limit by itself."""


@dataclass(frozen=True)
class Slow:
    """A percentile of the times is over `limit` seconds; `cap` seconds stand for what failed."""

    percent: float
    limit: float
    cap: float

    def figure(self, seen: Seen) -> tuple[float, float, float]:
        """The logarithm of the percentile."""
        value = seen.times.percentile(self.percent)
        shown = max(min(value, self.cap), LEAST_TIME)
        return math.log(shown), max(BIN, chance(seen.times, self.percent, self.cap)), value

    def bad(self, seen: Seen) -> float:
        """Those slower than the limit."""
        return seen.times.slower(self.limit)

    def beyond(self, value: float) -> bool:
        """Slower than the limit."""
        return value > self.limit


@dataclass(frozen=True)
class Failed:
    """More than a share of `limit` failed. A share's arcsine has the same spread whatever the share is
    (Anscombe 1948).
    """

    limit: float

    def figure(self, seen: Seen) -> tuple[float, float, float]:
        """The arcsine of the share that failed."""
        due = max(1, seen.times.count)
        share = min(1.0, seen.failed / due)
        return 2 * math.asin(math.sqrt(share)), 1 / math.sqrt(due), share

    def bad(self, seen: Seen) -> float:
        """Those that failed."""
        return seen.failed

    def beyond(self, value: float) -> bool:
        """A larger share than is allowed."""
        return value > self.limit


@dataclass(frozen=True)
class TooFew:
    """Less was done than has to be."""

    def figure(self, seen: Seen) -> tuple[float, float, float]:
        """The logarithm of the time that each took."""
        value = 1 / seen.rate if seen.rate > 0 else math.inf
        done = max(1, seen.times.count - seen.times.censored)
        return math.log(min(value, 1e6)), 1 / math.sqrt(done), value

    def bad(self, seen: Seen) -> float:
        """Not counted."""
        del seen
        return math.inf

    def beyond(self, value: float) -> bool:
        """Not told: the least is of all together."""
        del value
        return True


@dataclass(frozen=True)
class Stalled:
    """A server did nothing for more than `limit` seconds."""

    limit: float

    def figure(self, seen: Seen) -> tuple[float, float, float]:
        """The logarithm of the longest stall."""
        return math.log(max(seen.stall, LEAST_STALL)), LONGEST_VARIES, seen.stall

    def bad(self, seen: Seen) -> float:
        """Not counted."""
        del seen
        return math.inf

    def beyond(self, value: float) -> bool:
        """Longer than is allowed."""
        return value > self.limit


def total(limit: Limit, seen: Sequence[Seen]) -> float:
    """How many of all stand against a limit."""
    return sum(limit.bad(one) for one in seen)
