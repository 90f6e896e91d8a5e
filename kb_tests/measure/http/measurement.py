"""An HttpMeasurement: what one HTTP point measured, merged from all agents' reports.

All times are seconds, all sizes bytes. Time zero of `Second.at` and `Block.at` is the common start
of the measured window, after the warm-up; warm-up seconds are negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kb_tests.measure.heat import Heat
from kb_tests.measure.histogram import Histogram


@dataclass(frozen=True)
class Counts:
    """Requests of one agent, block or point; every request that was due ends in exactly one of
    completed, failed (one key of `errors`), `unsent` or `inflight`.

    `completed` had status 200 and the page as its whole body. `errors` keys, as in `agent.protocol.ERRORS`:
    "status" (2xx but 200), "redirect", "http_4xx", "http_5xx", "http_other", "length" (200 of another
    length), "content" (of that length, with other bytes), "connect", "reset", "timeout", "truncated",
    "protocol", "ports_exhausted".
    """

    due: int = 0
    sent: int = 0
    completed: int = 0
    unsent: int = 0
    inflight: int = 0
    bytes: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Requests that ended in an error of any kind."""
        return sum(self.errors.values())


@dataclass(frozen=True)
class Connections:
    """Connections of one agent or point over the measured window.

    Of those `asked` for, `open` were so when the window began, and never fewer than `least` in it.
    `reopened` were opened in it; `refused` attempts failed (or timed out) at the server, `unavailable` ones
    for want of a local port. Where each is for one request, `open`, `least` and `reopened` are 0.
    """

    asked: int
    open: int
    least: int
    reopened: int
    refused: int
    unavailable: int


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
class GeneratorFacts:
    """The state of one agent's instruments over the measured window.

    `lag_p99` and `lag_max`: how late requests were sent although a connection was idle. `cpu` is how busy
    the busiest generator process was: its share of one CPU, or of the time in which it had something to do,
    whichever is larger (1.0 = never idle). `skew` is the agent's start against the common start,
    `clock_error` half the round trip of its best clock reading, `clock_lost` the seconds for which its clock
    stood still meanwhile (`measure.clocks.lost`). `tls` names version and cipher suite, and the library, if
    TLS was spoken. `failing_since` is the second of the window from which requests failed second after
    second, of the stretch in which most did; None where none failed.
    """

    agent: str
    host: str
    counts: Counts
    response: Histogram
    lag_p99: float
    lag_max: float
    cpu: float
    skew: float
    clock_error: float
    saturated: bool
    tls: str = ""
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
