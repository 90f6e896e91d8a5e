"""Agents' reports of a storage load as the controller accepts them: untrusted, checked field by field."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from kb_tests.fleet.messages import ClockChange, Count, Cpu, Instant, LoadReport, Message, Seconds, Text
from kb_tests.fleet.packed import Packed, pack
from kb_tests.fleet.storage.told import FioFacts, Ios, Verified
from kb_tests.fleet.strict import Strict

MAX_BINS = 2048
"""fio has 1,856 latency bins at most."""

Bin = tuple[Annotated[int, Field(ge=0, le=1 << 36)], Annotated[int, Field(ge=1, le=1 << 32)]]
Bucket = tuple[Annotated[int, Field(ge=0, le=200)], Count]
Index = Annotated[int, Field(ge=-86_400, le=172_800)]


class _Part(Strict):
    ios: Ios
    bytes: Count


class CoarsePart(_Part):
    """Reads or writes of a second: bucket i holds times in [2**(i/4), 2**((i+1)/4)) microseconds."""

    buckets: Annotated[list[Bucket], Field(max_length=200)]
    slower: list[Ios] = Field(default_factory=list, max_length=50)


class BinnedPart(_Part):
    """Reads, writes or syncs of a block, with fio's own latency bins: [middle of the bin in ns, count]; and
    how many of them failed.
    """

    bins: Annotated[list[Bin], Field(max_length=MAX_BINS)]
    failed: Ios = 0


class DuePart(Strict):
    """Reads or writes that a rate made due: how many, and how long those that were done took from then on."""

    due: Ios
    bins: Annotated[list[Bin], Field(max_length=MAX_BINS)]


NONE = BinnedPart(ios=0, bytes=0, bins=[])


class Moved(_Part):
    """Reads or writes."""


class Whole(Strict):
    """What fio did from its start to its end; all totals but the last are written down while it goes on."""

    read: Moved
    write: Moved


class Late(Strict):
    """What was under way at the end of the window, and ended afterwards."""

    read: BinnedPart
    write: BinnedPart
    sync: BinnedPart


class Filling(Message):
    """How far an agent has come with filling its target."""

    kind: Literal["filling"]
    id: Text
    bytes: Count
    seconds: Seconds


class DiskReport(Message):
    """An agent's target is filled; `bytes` is 0 where it was full already."""

    kind: Literal["disk"]
    id: Text
    path: Annotated[str, StringConstraints(max_length=255)]
    bytes: Count
    seconds: Seconds


class IoSecond(Message):
    """What one server did between two moments, about a second apart but for stalls.

    `lag` is how long one of fio's jobs waited for a CPU at worst, so late its I/Os were at most; `cpu` the
    share of the time in which the busiest one ran. None where the server's kernel does not tell.
    """

    kind: Literal["io_second"]
    id: Text
    index: Index
    begin: Instant
    end: Instant
    errors: Ios
    read: CoarsePart
    write: CoarsePart
    lag: Seconds | None = None
    cpu: Cpu | None = None


_TOTALS = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class KeptPart:
    """Reads or writes of a `KeptIoSecond`."""

    ios: int
    bytes: int
    packed: Packed = field(repr=False)

    @staticmethod
    def pack(part: CoarsePart) -> Packed:
        """What is kept of `part`."""
        return _TOTALS.pack(part.ios, part.bytes) + pack(part.buckets)

    @classmethod
    def unpack(cls, packed: Packed) -> KeptPart:
        """What was packed."""
        ios, moved = _TOTALS.unpack_from(packed)
        return cls(ios, moved, packed[_TOTALS.size :])


@dataclass(frozen=True, slots=True)
class KeptIoSecond:
    """What is kept of an `IoSecond` until its load is over, in a tenth of the memory."""

    kind: ClassVar[str] = "io_second"
    id: str
    index: int
    begin: float
    end: float
    errors: int
    reads: Packed = field(repr=False)
    writes: Packed = field(repr=False)

    @property
    def read(self) -> KeptPart:
        """What it read."""
        return KeptPart.unpack(self.reads)

    @property
    def write(self) -> KeptPart:
        """What it wrote."""
        return KeptPart.unpack(self.writes)

    @classmethod
    def of(cls, report: IoSecond) -> KeptIoSecond:
        """What `report` adds to the series."""
        return cls(
            id=sys.intern(report.id),
            index=report.index,
            begin=report.begin,
            end=report.end,
            errors=report.errors,
            reads=KeptPart.pack(report.read),
            writes=KeptPart.pack(report.write),
        )


class IoDue(Message):
    """What was due in one time block of one server, at a rate."""

    kind: Literal["io_due"]
    id: Text
    index: Annotated[int, Field(ge=0, le=86_400)]
    read: DuePart
    write: DuePart


class IoBlock(Message):
    """One time block of one server.

    `due` and `late` are the controller's to fill in, from the reports that have them.
    """

    kind: Literal["io_block"]
    id: Text
    index: Annotated[int, Field(ge=0, le=86_400)]
    begin: Instant
    end: Instant
    errors: Ios
    read: BinnedPart
    write: BinnedPart
    sync: BinnedPart = NONE
    due: IoDue | None = None
    late: Late | None = None


class IoVerifying(Message):
    """How many blocks a server has read back, of how many that were written."""

    kind: Literal["io_verifying"]
    id: Text
    read: Ios
    of: Ios
    seconds: Seconds


class IoVerified(Strict, Verified):
    """What a server found when it read back which blocks were written; `first` is the offset of the first bad
    one, -1 if there is none.
    """

    first: Annotated[int, Field(ge=-1, le=1 << 62)]
    seconds: Seconds

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.read + self.unread > self.written or self.wrong + self.old > self.read:
            raise ValueError("more blocks than were written or read")
        return self


class IoDone(Message, FioFacts):
    """One server's fio has ended, or hung.

    `stalls` are the longest times without a completed I/O ([at, seconds], known to `stall_error`).
    """

    kind: Literal["io_done"]
    id: Text
    begin: Instant
    end: Instant
    blocks: Count
    stalls: Annotated[list[tuple[Instant, Seconds]], Field(max_length=1000)]
    stall_error: Seconds
    clock_change: ClockChange
    late: Late | None = None
    whole: Whole | None = None
    verified: IoVerified | None = None


StorageReport = LoadReport[KeptIoSecond, IoBlock, IoDone]
"""What one storage server said of one fio job."""
