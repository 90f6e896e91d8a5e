"""Latency of everything that was *due*, so that what failed fast, or was never done, looks slow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from kb_tests.measure.histogram import Histogram


@dataclass(frozen=True)
class Latency:
    """How long requests or I/Os took, in seconds, of all that were due.

    `times` holds those whose time is known. The `censored` others are slower than any limit: they failed,
    were never made, or took longer than could be told.
    """

    times: Histogram
    censored: Annotated[int, Field(ge=0)] = 0

    @classmethod
    def of_due(cls, taken: Histogram, due: int, completed: int, timeout: float) -> Latency:
        """Of `due` requests, `completed` of which came to a good end.

        `taken` may also hold how long others took that were given up, which is `timeout` seconds or more.
        Which those are is not known; they are taken to be the fastest of that length, so that no percentile
        comes out too low.
        """
        given_up = max(0, taken.count - completed)
        times = taken.without(given_up, timeout)
        return cls(times, max(0, due - times.count))

    @classmethod
    def merged(cls, parts: Sequence[Latency]) -> Latency:
        """The loss-less sum of `parts`."""
        return cls(Histogram.merged(part.times for part in parts), sum(part.censored for part in parts))

    @property
    def count(self) -> int:
        """How many were due."""
        return self.times.count + self.censored

    @property
    def max(self) -> float:
        """The longest; infinite where any has no time that is known, NaN without any."""
        return math.inf if self.censored else self.times.max

    @property
    def mean(self) -> float:
        """The mean; infinite where any has no time that is known, NaN without any."""
        return math.inf if self.censored else self.times.mean

    def percentile(self, percent: float) -> float:
        """Seconds that `percent` (0 to 100) of them do not exceed; infinite where too few have a time that is
        known, NaN without any.
        """
        if not self.count:
            return math.nan
        return self.times.at_rank(max(1, math.ceil(round(self.count * percent / 100, 6))))

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """`percentile` of each."""
        return [self.percentile(percent) for percent in percents]

    def slower(self, limit: float) -> int:
        """How many took longer than `limit` seconds."""
        return self.count - self.times.count_at_most(limit)

    def share_above(self, limit: float) -> float:
        """The share (0 to 1) of those that took longer than `limit` seconds; NaN without any."""
        return self.slower(limit) / self.count if self.count else math.nan
