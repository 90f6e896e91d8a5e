"""What generators send of an HTTP point, checked against a schema."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kb_tests.fleet.http.told import Connections, Counts, Instruments
from kb_tests.fleet.messages import ClockChange, Count, Cpu, Encoded, LoadReport, Message, Seconds, Text
from kb_tests.fleet.packed import Packed, pack, unpack
from kb_tests.fleet.strict import Strict


class WireCounts(Strict, Counts):
    """Requests, by how they ended."""


class WireConnections(Strict, Connections):
    """Those of one generator."""


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
    cpu: Cpu = 0.0


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
    open: int
    packed: Packed = field(repr=False)
    bytes: int

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
            open=report.open,
            packed=pack(report.buckets),
            bytes=counts.bytes,
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


class Done(Message, Instruments):
    """One agent has drained; the state of its instruments over the measured window."""

    kind: Literal["done"]
    id: Text
    counts: WireCounts
    connections: WireConnections
    workers: Annotated[int, Field(ge=1, le=4096)]
    clock_change: ClockChange


HttpReport = LoadReport[KeptSecond, BlockReport, Done]
"""What one traffic generator said of one load."""
