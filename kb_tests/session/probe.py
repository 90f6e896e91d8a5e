"""One run of a point: with the verdict on it, or in somebody's own test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from kb_tests.report.marks import HookRecord, RecoveryRecord
from kb_tests.report.record import LookRecord
from kb_tests.report.signs import SignsRecord
from kb_tests.scenario.base import Point
from kb_tests.sla.verdict import Verdict

P = TypeVar("P", bound=Point)
M = TypeVar("M")


@dataclass(frozen=True)
class Probe(Generic[P, M]):
    """One run of a point, and the verdict on it; its `hooks`, and what followed them and people's markers;
    what servers saw of themselves, if it did not keep its SLA.
    """

    point: P
    measurement: M
    verdict: Verdict
    started: datetime
    hooks: tuple[HookRecord, ...] = ()
    recovery: tuple[RecoveryRecord, ...] = ()
    signs: tuple[SignsRecord, ...] = ()

    @property
    def look(self) -> LookRecord:
        """Its record, where it could not decide and another one follows."""
        return LookRecord.of(self.point, self.measurement, self.verdict, self.started)


@dataclass(frozen=True)
class Once(Generic[P, M]):
    """One run of a point that nobody judges by itself: `doubts` say why it is not to be believed, `notes`
    what may have made the cloud look slow.
    """

    point: P
    measurement: M
    started: datetime
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
