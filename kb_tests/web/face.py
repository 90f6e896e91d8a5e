"""What the pages ask of a point of any kind; each kind answers in a file of its own, see `workloads.py`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from kb_tests.measure.heat import Heat
from kb_tests.report import words
from kb_tests.report.heat import HeatRecord
from kb_tests.report.shown import Shown
from kb_tests.scenario.base import Point
from kb_tests.scenario.units import counted
from kb_tests.web.shapes.points import GeneratorShape, HeatShape, Seconds

SHOWN = (50.0, 90.0, 99.0, 99.9)

ByHost = dict[str, tuple[float, int, int]]
"""{host of what was loaded: (p99, succeeded, failed)}"""

P = TypeVar("P", bound=Point)
S = TypeVar("S", bound=Shown)


class Face(ABC, Generic[P, S]):
    """How a kind of load looks in a browser."""

    lead: str
    """The check that stands for the others in a ladder."""

    @abstractmethod
    def load(self, point: P) -> str:
        """What is asked of all clients together, in a few words."""

    @abstractmethod
    def how(self, point: P) -> str:
        """How many clients make it, and what each of them does."""

    @abstractmethod
    def p99(self, shown: S) -> float:
        """The time in its charts over load; NaN without."""

    @abstractmethod
    def share(self, shown: S) -> float:
        """The achieved share of the offered rate; NaN without."""

    @abstractmethod
    def times(self, shown: S) -> Iterator[tuple[str, int, Callable[[float], float]]]:
        """Distributions of times: name, how many, and the time that a percent of them do not exceed."""

    @abstractmethod
    def seconds(self, measured: Any) -> Seconds:
        """The point second by second, from what the record keeps of it."""

    @abstractmethod
    def generators(self, measured: Any) -> Iterator[GeneratorShape]:
        """The state of the instruments, one by one."""

    @abstractmethod
    def by_host(self, shown: S) -> ByHost:
        """What was measured of the servers on each host."""


def percentiles(
    times: Iterable[tuple[str, int, Callable[[float], float]]],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For each distribution the times of `SHOWN`, in words."""
    for name, _, percentile in times:
        yield name, tuple(time_text(percentile(percent)) for percent in SHOWN)


def time_text(seconds: float) -> str:
    """A time in words, which may be beyond measure."""
    return "-" if math.isnan(seconds) else "∞" if math.isinf(seconds) else words.duration(seconds)


def within(at: Sequence[float], values: Sequence[float], duration: float) -> tuple[float, ...]:
    """The percentiles of the window's seconds and those before: in those behind it nothing is due any more,
    and what still comes in is the slowest there was.
    """
    return tuple(value if second < duration else math.nan for second, value in zip(at, values, strict=True))


def heats(kept: Iterable[tuple[str, HeatRecord | None]]) -> tuple[HeatShape, ...]:
    """The heat maps of a record; none where it is older than those."""
    return tuple(
        heat_shape(name, heat.restore())
        for name, heat in kept
        if heat is not None and heat.rows and heat.buckets
    )


def heat_shape(name: str, heat: Heat) -> HeatShape:
    """A heat map as JSON."""
    return HeatShape(name=name, at=heat.at, step=heat.step, rows=heat.rows)


def sought(point: Point, thing: str) -> str:
    """How a capacity is searched: by whom, and not at the load that the search begins with."""
    return f"capacity, {f'in {thing}s' if point.search == 'clients' else counted(point.clients, thing)}"
