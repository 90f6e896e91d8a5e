"""An HttpMeasurement: what one HTTP point measured, merged from all agents' reports.

All times are seconds, all sizes bytes. Time zero of `Second.at` and `Block.at` is the common start
of the measured window, after the warm-up; warm-up seconds are negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kb_tests.fleet.http.told import Connections, Counts, Instruments
from kb_tests.measure.heat import Heat
from kb_tests.measure.histogram import Histogram

__all__ = [
    "Block",
    "Connections",
    "Counts",
    "GeneratorFacts",
    "HttpMeasurement",
    "Second",
    "Start",
]


@dataclass(frozen=True)
class Second:
    """One second of one point, all agents together; `p50`, `p99`, `max` are from coarse buckets. Of the
    connections that are kept there were never fewer than `open`; None where that is not known.
    """

    at: float
    sent: int
    completed: int
    failed: int
    bytes: int
    p50: float
    p99: float
    max: float
    open: int | None = None


@dataclass(frozen=True)
class Block:
    """One time block of one agent: the resampling unit of the statistics."""

    agent: str
    at: float
    seconds: float
    counts: Counts
    response: Histogram
    service: Histogram


@dataclass(frozen=True)
class GeneratorFacts(Instruments):
    """The state of one agent's instruments over the measured window: what it told, and what its reports show.

    `clock_error` is half the round trip of its best clock reading, `clock_lost` the seconds for which its
    clock stood still meanwhile (`measure.clocks.lost`). `failing_since` is the second of the window from
    which requests failed second after second, of the stretch in which most did; None where none failed.
    """

    agent: str
    host: str
    counts: Counts
    response: Histogram
    clock_error: float
    clock_lost: float = 0.0
    connections: Connections | None = None
    failing_since: int | None = None


@dataclass(frozen=True)
class Start:
    """The warm-up that was found in the measured window, and left out of it.

    It took `seconds`, in which `due` requests were due, with a 99th percentile of the response time of `p99`
    seconds (NaN without any). `settled` is False if the series did not settle in the first half of the
    window; nothing is left out then.
    """

    seconds: float
    settled: bool
    due: int
    p99: float


@dataclass(frozen=True)
class HttpMeasurement:
    """What came out of one point.

    `response` runs from the time a request was due (free of coordinated omission), `service` from
    its actual sending. `missing` names agents that did not deliver a whole report, with why. `start` is set
    if the warm-up was to be found. `connections` are those of all agents, None where they are not known.
    `heat` are the response times second by second. `moments` are finer blocks than `blocks`, where the moment
    counts at which something begins or ends; no record keeps them.
    """

    point_id: str
    duration: float
    offered: float
    achieved: float
    throughput: float
    counts: Counts
    response: Histogram
    service: Histogram
    seconds: tuple[Second, ...]
    blocks: tuple[Block, ...]
    agents: tuple[GeneratorFacts, ...]
    missing: Mapping[str, str]
    start: Start | None = None
    connections: Connections | None = None
    heat: Heat = field(default=Heat(), repr=False)
    moments: tuple[Block, ...] = field(default=(), repr=False, metadata={"recorded": False})

    @property
    def latency(self) -> Histogram:
        """Response time, under the name that a user's own test asks for."""
        return self.response
