"""The line of progress of a load that runs, of either kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from typing import Generic, NamedTuple, TypeVar

from kb_tests.fleet.http.messages import SecondReport
from kb_tests.fleet.storage.messages import IoSecond
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.units import format_size
from kb_tests.session.progress import Progress

S = TypeVar("S", SecondReport, IoSecond)


class Flow(NamedTuple):
    """What one agent did in a second: requests or I/Os, bytes, and how many of them failed."""

    rate: float
    bytes: float
    failed: int


class Meter(ABC, Generic[S]):
    """Turns agents' seconds into a line of progress.

    `unit` is what is counted, `before` what comes ahead of the measured window.
    """

    unit: str
    before: str

    def __init__(self, point: HttpPoint | StoragePoint, progress: Progress, part: str = "") -> None:
        self._point = point
        self._progress = progress
        self._title = f"{point.id}: {part}"
        self._flows: defaultdict[int, list[Flow]] = defaultdict(list)
        self._failed = 0

    @abstractmethod
    def flow(self, report: S) -> Flow:
        """What one agent did in one second."""

    def second(self, report: S) -> None:
        """Take one agent's second; show it once all agents' are there."""
        flows = self._flows[report.index]
        flows.append(self.flow(report))
        self._failed += flows[-1].failed
        if len(flows) < self._point.clients:
            return
        at = report.index + 1
        time = self.before if at <= 0 else f"{at}/{self._point.duration:g}s"
        flow = f"{sum(one.rate for one in flows):,.0f} {self.unit}"
        bandwidth = f"{format_size(sum(one.bytes for one in flows))}/s"
        failed = f", {self._failed:,} failed" if self._failed else ""
        self._progress.show(self._point.id, f"{self._title}{time}, {flow}, {bandwidth}{failed}")

    def end(self) -> None:
        """Leave the line to what comes next."""
        self._progress.clear()
