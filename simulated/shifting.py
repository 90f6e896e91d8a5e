"""A cloud whose response times are log-normal and whose level shifts: what comparisons are tried on.

Its truth is known: a point's level is what was asked for, and all else is chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, HttpMeasurement, Second
from kb_tests.scenario.http import HttpPoint

Floats = npt.NDArray[np.float64]
SPREAD = 0.5
"""Standard deviation of the logarithm of a response time."""

SHIFT = 0.3
"""How far the level shifts, in those."""

MEMORY = 3.0
"""Seconds for which a shift is remembered."""


class Path:
    """A level of standard deviation 1 that is remembered for `memory` seconds (Ornstein-Uhlenbeck)."""

    def __init__(self, random: np.random.Generator, memory: float) -> None:
        self._random, self._kept, self._now = random, math.exp(-1 / memory), float(random.normal())

    def seconds(self, count: int) -> Floats:
        """Its values in the next `count` seconds."""
        found = np.empty(count)
        steps = self._random.normal(size=count) * math.sqrt(1 - self._kept**2)
        for second in range(count):
            self._now = found[second] = self._kept * self._now + steps[second]
        return found


class Cloud:
    """`slow` is the standard deviation of a second shift of the log level, remembered for five minutes."""

    def __init__(self, random: np.random.Generator, *, shift: float = SHIFT, slow: float = 0.0) -> None:
        self._random = random
        self._fast, self._slowly = Path(random, MEMORY), Path(random, 300.0)
        self._shift, self._slow = shift, slow

    def logs(self, level: float, rate: int, seconds: int, before: int = 5) -> Floats:
        """Logarithms of response times in seconds, a row for each second, of a load of `rate` a second."""
        path = SPREAD * self._shift * self._fast.seconds(seconds + before)[before:]
        path += self._slow * self._slowly.seconds(seconds + before)[before:]
        return level + path[:, None] + SPREAD * self._random.normal(size=(seconds, rate))


def measurement(point: HttpPoint, logs: Floats, failed: Sequence[int] | None = None) -> HttpMeasurement:
    """What one agent would have measured of `logs`; `failed` of each second's requests failed beside them."""
    lost = list(failed or [0] * len(logs))
    histograms = [Histogram.of(np.exp(row)) for row in logs]
    counts = [
        Counts(
            due=row.size + bad,
            sent=row.size + bad,
            completed=row.size,
            unsent=0,
            bytes=row.size * point.page_size,
            errors={"http_5xx": bad} if bad else {},
        )
        for row, bad in zip(logs, lost, strict=True)
    ]
    response = Histogram.merged(histograms)
    done, due = sum(count.completed for count in counts), sum(count.due for count in counts)
    return HttpMeasurement(
        point_id=point.id,
        duration=float(len(logs)),
        offered=due / len(logs),
        achieved=done / len(logs),
        throughput=sum(count.bytes for count in counts) / len(logs),
        counts=Counts(
            due=due,
            sent=due,
            completed=done,
            unsent=0,
            bytes=sum(count.bytes for count in counts),
            errors={"http_5xx": due - done} if due > done else {},
        ),
        response=response,
        service=response,
        seconds=tuple(
            Second(
                float(at),
                count.sent,
                count.completed,
                count.due - count.completed,
                count.bytes,
                0.0,
                0.0,
                0.0,
            )
            for at, count in enumerate(counts)
        ),
        blocks=tuple(
            Block("agent", float(at), 1.0, count, times, times)
            for at, (count, times) in enumerate(zip(counts, histograms, strict=True))
        ),
        agents=(),
        missing={},
    )
