"""What generators send of an HTTP point, checked against a schema."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from kb_tests.fleet.messages import ClockChange, Count, Encoded, Instant, LoadReport, Message, Seconds, Text
from kb_tests.fleet.packed import pack, unpack

ErrorKey = Literal[
    "status",
    "redirect",
    "http_4xx",
    "http_5xx",
    "http_other",
    "length",
    "content",
    "connect",
    "reset",
    "timeout",
    "truncated",
    "protocol",
    "ports_exhausted",
]


class WireCounts(BaseModel):
    """Requests, by how they ended; see `measure.measurement.Counts`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    due: Count
    sent: Count
    completed: Count
    unsent: Count
    inflight: Count
    bytes: Count
    errors: dict[ErrorKey, Count]


class WireConnections(BaseModel):
    """Those of one generator; see `measure.http.measurement.Connections`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    asked: Count
    open: Count
    least: Count
    reopened: Count
    refused: Count
    unavailable: Count


class SecondReport(Message):
    """One second of one agent."""

    kind: Literal["second"]
    id: Text
    index: Annotated[int, Field(ge=-86_400, le=86_400)]
    counts: WireCounts
    open: Count
    buckets: Annotated[list[tuple[Annotated[int, Field(ge=0, le=200)], Count]], Field(max_length=200)]
    slower: list[Count] = Field(default_factory=list, max_length=50)
    lag: Seconds = 0.0
    cpu: Annotated[float, Field(ge=0, le=4096, allow_inf_nan=False)] = 0.0


@dataclass(frozen=True, slots=True)
class KeptSecond:
    """What is kept of a `SecondReport` until its load is over, in a tenth of the memory: ten thousand agents
    send 600,000 a minute.
    """

    kind: ClassVar[str] = "second"
    id: str
    index: int
    sent: int
    completed: int
    failed: int
    body_bytes: int
    open: int
    packed: bytes = field(repr=False)

    @classmethod
    def of(cls, report: SecondReport) -> KeptSecond:
        """What `report` adds to the series."""
        counts = report.counts
        return cls(
            id=sys.intern(report.id),
            index=report.index,
            sent=counts.sent,
            completed=counts.completed,
            failed=sum(counts.errors.values()),
            body_bytes=counts.bytes,
            open=report.open,
            packed=pack(report.buckets),
        )

    def buckets(self) -> Iterator[tuple[int, int]]:
        """(bucket, how many) of the coarse response times."""
        return unpack(self.packed)


class BlockReport(Message):
    """One time block of one agent: the requests that were due in [begin, begin + seconds)."""

    kind: Literal["block"]
    id: Text
    index: Annotated[int, Field(ge=0, le=86_400)]
    begin: Seconds
    seconds: Seconds
    counts: WireCounts
    response: Encoded
    service: Encoded


class Done(Message):
    """One agent has drained; the state of its instruments over the measured window."""

    kind: Literal["done"]
    id: Text
    counts: WireCounts
    connections: WireConnections
    skew: Instant
    lag_p99: Seconds
    lag_max: Seconds
    cpu: Annotated[float, Field(ge=0, le=4096, allow_inf_nan=False)]
    saturated: bool
    workers: Annotated[int, Field(ge=1, le=4096)]
    clock_change: ClockChange
    tls: Text = ""


HttpReport = LoadReport[KeptSecond, BlockReport, Done]
"""What one traffic generator said of one load."""
