"""Agents' reports as the controller accepts them: untrusted input, checked field by field.

The wire format is described in `kb_tests.agent.protocol`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kb_tests.agent import protocol

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Instant = Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)]
Encoded = Annotated[str, StringConstraints(max_length=protocol.MAX_MESSAGE, pattern=r"^[A-Za-z0-9+/=]*$")]
ErrorKey = Literal[
    "http_4xx",
    "http_5xx",
    "http_other",
    "connect",
    "reset",
    "timeout",
    "truncated",
    "protocol",
    "ports_exhausted",
]


class Message(BaseModel):
    """What every report carries."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1]
    agent: Name
    seq: Count


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


class Hello(Message):
    """An agent is there."""

    kind: Literal["hello"]
    role: Literal["server", "client", "storage"]
    uuid: Annotated[str, StringConstraints(max_length=64)]
    instance: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    host: Annotated[str, StringConstraints(max_length=255)]
    versions: dict[Name, Text]
    cpus: Annotated[int, Field(ge=1, le=4096)]
    mtu: Annotated[int, Field(ge=0, le=1 << 20)]


class Ready(Message):
    """An agent has prepared what it was asked for under `id`."""

    kind: Literal["ready"]
    id: Text
    offset: Instant
    clock_error: Seconds


class SecondReport(Message):
    """One second of one agent."""

    kind: Literal["second"]
    id: Text
    index: Annotated[int, Field(ge=-86_400, le=86_400)]
    counts: WireCounts
    buckets: Annotated[list[tuple[Annotated[int, Field(ge=0, le=200)], Count]], Field(max_length=200)]


_BUCKET = struct.Struct("<BQ")


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
            packed=b"".join(_BUCKET.pack(bucket, count) for bucket, count in report.buckets),
        )

    def buckets(self) -> Iterator[tuple[int, int]]:
        """(bucket, how many) of the coarse response times."""
        return _BUCKET.iter_unpack(self.packed)


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
    skew: Instant
    lag_p99: Seconds
    lag_max: Seconds
    cpu: Annotated[float, Field(ge=0, le=4096, allow_inf_nan=False)]
    saturated: bool
    workers: Annotated[int, Field(ge=1, le=4096)]
    tls: Text = ""


class Failed(Message):
    """One agent could not do what it was asked."""

    kind: Literal["failed"]
    id: Text
    error: Text


S = TypeVar("S", bound="KeptSecond | Message")
B = TypeVar("B", bound=Message)
D = TypeVar("D", bound=Message)


@dataclass(frozen=True)
class LoadReport(Generic[S, B, D]):
    """All that one agent said of one load, of either kind; `problem` is empty when `done` came and nothing
    is missing, else one sentence (silent, failed, a gap in its sequence, garbage).
    """

    agent: str
    host: str
    clock_error: float
    seconds: tuple[S, ...]
    blocks: tuple[B, ...]
    done: D | None
    problem: str


AgentReport = LoadReport[KeptSecond, BlockReport, Done]
"""What one traffic generator said of one load."""
