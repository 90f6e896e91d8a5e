"""What every report asks of a point that was measured, whatever its kind."""

# ruff: noqa: ARG002 (what a kind does not show is given all the same)

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from kb_tests.report.by_host import Table
from kb_tests.scenario.base import Point

if TYPE_CHECKING:
    from kb_tests.report.charts.description import Chart
    from kb_tests.report.record import PointRecord, TopologyRecord
    from kb_tests.report.views import PointView, ScenarioView

Pairs = tuple[tuple[str, str], ...]
Property = tuple[str, str | int | float]
Column = tuple[str, str]
"""A heading, and the name of the check whose limit and outcome go with it ("" if there is none)."""

P = TypeVar("P", bound=Point)


class Shown(ABC):
    """One measured point in words, figures and tables; its histograms are read once, for all of them."""

    @abstractmethod
    def cell(self, column: Column) -> str:
        """The text of one of the columns of its kind."""

    @abstractmethod
    def row(self) -> tuple[str, str, str]:
        """The rate and two times, for one line in a terminal."""

    @abstractmethod
    def facts(self) -> Pairs:
        """Names and values beside the verdict: counts, the window, the state of the instruments."""

    @abstractmethod
    def properties(self) -> list[Property]:
        """Names and values for JUnit, in a fixed order."""

    def hosts(self) -> Table | None:
        """Its results host by host; None where there is but one."""
        return None


class Presentation(ABC, Generic[P]):
    """How points of one kind are shown."""

    unit: ClassVar[str]
    """What its rates count: "req/s"."""

    things: ClassVar[str]
    """What is counted: "requests"."""

    @abstractmethod
    def shown(self, record: PointRecord, topology: TopologyRecord | None = None) -> Shown:
        """A point that was measured; raises RecordError if a histogram cannot be read."""

    @abstractmethod
    def columns(self, checks: Sequence[str]) -> list[Column]:
        """The columns of a table of points that have these checks."""

    def failures(self, record: PointRecord) -> str:
        """How those ended that failed, most frequent first; "" where nothing is known of it."""
        return ""

    def series(self, point: P) -> str:
        """Points of a scenario with the same text differ in nothing but how much load they are."""
        return ""

    def load(self, point: P, rate: str, among: Sequence[P]) -> str:
        """How much load a point is, in words; `among` are those that it is told apart from."""
        return rate

    def closed_loop(self, record: PointRecord) -> tuple[float, ...] | None:
        """What a closed loop was given in each second of its window; None for anything else."""
        return None

    def point_charts(self, point: PointView) -> list[Chart]:
        """What there is to draw of one point; empty if there is nothing to draw."""
        return []

    def scale_charts(self, scenario: ScenarioView, name: str) -> list[Chart]:
        """What there is to draw across the points of a scenario; empty for a single one."""
        return []


def in_window(at: Sequence[float], rates: Sequence[float], duration: float) -> tuple[float, ...]:
    """The rates of whole seconds of the measured window, those that are known."""
    return tuple(
        float(rate)
        for second, rate in zip(at, rates, strict=True)
        if 0 <= second < math.floor(duration) and math.isfinite(rate)
    )


def outcomes_of(column: Column, outcomes: Mapping[str, str]) -> list[str]:
    """The outcomes, by check, that a column shows: of a mix, reads and writes each have to achieve."""
    name = column[1]
    return [
        outcome
        for one, outcome in outcomes.items()
        if one == name or (name == "achieved" and one.startswith("achieved "))
    ]
