"""A StorageMeasurement: what one fio profile measured at one scale, merged from all servers' reports.

All times are seconds, all sizes bytes, all rates per second. Time zero of `at` is the common start of the
measured window, after the ramp.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from kb_tests.fleet.storage.told import FioFacts, Verified
from kb_tests.measure.heat import Heat
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.latency import Latency

__all__ = [
    "NOTHING",
    "Io",
    "IoRate",
    "StorageBlock",
    "StorageMeasurement",
    "StorageSecond",
    "StorageServer",
    "Verified",
]

Count = Annotated[int, Field(ge=0)]
"""As a record is held to it."""

NOTHING = Latency(Histogram())
"""No I/O."""


@dataclass(frozen=True)
class Io:
    """Reads or writes of one block, server or point.

    `service` is what fio measured, of the I/Os that were completed in it. `response` is judged and reported.
    At a rate it has all I/Os that were due in it, from the moment when they were due (coordinated omission);
    without one those that were made, a closed loop's service time, and what was still under way at its end.
    What failed or was never made is slower than any time.

    `syncs` are the fsync and the like that followed writes. fio does not tell which followed which; a write's
    response is the one that the least favourable pairing of the two gives.
    """

    ios: Count
    bytes: Count
    service: Latency
    response: Latency
    syncs: Latency = NOTHING

    @classmethod
    def merged(cls, parts: tuple[Io, ...]) -> Io:
        """The loss-less sum of `parts`."""
        return cls(
            ios=sum(part.ios for part in parts),
            bytes=sum(part.bytes for part in parts),
            service=Latency.merged(tuple(part.service for part in parts)),
            response=Latency.merged(tuple(part.response for part in parts)),
            syncs=Latency.merged(tuple(part.syncs for part in parts)),
        )


@dataclass(frozen=True)
class IoRate:
    """Reads and writes per second."""

    read: float = 0.0
    write: float = 0.0

    def __add__(self, other: IoRate) -> IoRate:
        return IoRate(self.read + other.read, self.write + other.write)

    @property
    def total(self) -> float:
        """Both together."""
        return self.read + self.write


@dataclass(frozen=True)
class StorageSecond:
    """One second of one point, all servers together; the p99 are from coarse buckets.

    Totals that a server could only give after more than a second, since it was held up, are spread evenly.
    """

    at: float
    iops: IoRate
    bandwidth: IoRate
    read_p99: float
    write_p99: float
    errors: float


@dataclass(frozen=True)
class StorageBlock:
    """One time block of one server: the resampling unit of the statistics."""

    server: str
    at: float
    seconds: float
    errors: Count
    read: Io
    write: Io


@dataclass(frozen=True)
class StorageServer(FioFacts):
    """One server's part of a point, and how its fio did.

    `stall` is the longest time (from `stall_at` on) in which it completed no I/O although some were due;
    where fio `hung` this is how long we waited. `seconds` is its measured window, `late` how long after the
    common start that began. `clock_error` is half the round trip of the server's best clock reading.
    `clock_lost` are the seconds for which its clock, and fio with it, stood still from the command to the
    end (negative: it ran ahead): a stall that fio cannot see. `verified` is what it found when it read back
    what it had written, the first bad block at byte `bad_at` (-1: nowhere); None if it did not.
    """

    server: str
    host: str
    seconds: float
    late: float
    iops: IoRate
    bandwidth: IoRate
    read: Io
    write: Io
    errors: Count
    stall: float
    stall_at: float
    clock_error: float
    clock_lost: float = 0.0
    verified: Verified | None = None
    bad_at: int = -1


@dataclass(frozen=True)
class StorageMeasurement:
    """What came out of one point.

    `offered` and `iops`, `bandwidth` are those of all servers together. `steady` tells whether the last
    five rounds were alike, None if nobody asked. `missing` names servers that did not deliver a whole
    report, with why. `read_heat` and `write_heat` are their latencies second by second, where they were seen.
    """

    point_id: str
    duration: float
    offered: IoRate
    iops: IoRate
    bandwidth: IoRate
    read: Io
    write: Io
    errors: Count
    seconds: tuple[StorageSecond, ...]
    blocks: tuple[StorageBlock, ...]
    servers: tuple[StorageServer, ...]
    missing: Mapping[str, str]
    steady: bool | None = None
    read_heat: Heat = field(default=Heat(), repr=False)
    write_heat: Heat = field(default=Heat(), repr=False)

    @property
    def verified(self) -> Verified | None:
        """What all servers found when they read back what they had written; None if none did."""
        return Verified.merged(server.verified for server in self.servers)

    @property
    def stall(self) -> float:
        """The longest stall of any server; 0 without servers."""
        return max((server.stall for server in self.servers), default=0.0)

    @property
    def achieved(self) -> float:
        """I/Os per second over those offered; NaN where no rate was set."""
        return self.iops.total / self.offered.total if self.offered.total else math.nan

    @property
    def fairness(self) -> float:
        """Jain's index of the servers' I/Os per second: 1 if all are equal, 1/n if one has everything."""
        rates = [server.iops.total for server in self.servers]
        squares = sum(rate * rate for rate in rates)
        return sum(rates) ** 2 / (len(rates) * squares) if squares else math.nan
