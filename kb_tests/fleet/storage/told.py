"""What a storage server tells of a load, under the names that measurements and records have for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated

from pydantic import Field

from kb_tests.fleet import messages
from kb_tests.fleet.strict import OnWire

Ios = Annotated[int, Field(ge=0, le=1 << 32)]
"""So many I/Os a block that all blocks of all servers add up in 64 bits."""

Count = Annotated[int, OnWire(Ios)]
Cpu = Annotated[float, OnWire(messages.Cpu)]


@dataclass(frozen=True)
class Verified:
    """What was found when blocks were read back after the load: how many were `written`; of those `read`, how
    many are not what was written (`wrong`), or are of an earlier write (`old`); how many could not be read.
    """

    written: Count
    read: Count
    wrong: Count
    old: Count
    unread: Count

    @property
    def bad(self) -> int:
        """All that are not what they should be."""
        return self.wrong + self.old + self.unread

    @classmethod
    def merged(cls, parts: Iterable[Verified | None]) -> Verified | None:
        """The sum of those there are; None if there is none."""
        known = [part for part in parts if part is not None]
        if not known:
            return None
        return cls(*(sum(getattr(part, one.name) for part in known) for one in fields(cls)))


@dataclass(frozen=True, kw_only=True)
class FioFacts:
    """How one server's fio did.

    `hung`: it never ended, or it gave up after an error that it does not outlive. `clock` is by how many
    seconds its clock was ahead of ours at the end, `cpu` the share of the CPUs that it could use and did,
    `waiting` the share of the time in which its jobs were ready to run and had none. `complaint` is what it
    said of an error.
    """

    hung: bool
    clock: Annotated[float, OnWire(messages.Instant)]
    cpu: Cpu
    waiting: Cpu = 0.0
    complaint: Annotated[str, OnWire(messages.Text)] = ""
