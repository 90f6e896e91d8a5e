"""One side of a comparison: runs, the points that were measured in them, and what they were measured with."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from kb_tests.compare.estimate import Estimate, of_interval, pooled
from kb_tests.compare.samples import Figure, Sample, middle
from kb_tests.compare.workloads import WORKLOADS, samples_of
from kb_tests.errors import RecordError
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.sla.capacity.model import NUMBERED
from kb_tests.sla.verdict import Outcome

USUAL = (50.0, 99.0)
"""Percentiles that are compared whatever the SLA says."""

_NO_MEASUREMENT = "it was not measured"
_NOT_VALID = "its measurement is not valid"


@dataclass(frozen=True)
class Key:
    """What makes points of two runs the same: scenario, load and scale; `own` is the id of one that
    somebody's own test ran.
    """

    scenario: str
    load: str
    clients: int
    own: str = ""


@dataclass(frozen=True)
class Measured:
    """One valid measurement of a point by `run`, on the staging that `unit` names."""

    record: PointRecord
    unit: str
    run: str

    @functools.cached_property
    def samples(self) -> Sequence[Sample]:
        """What can be compared of it; raises RecordError if a histogram cannot be read. A search has none."""
        if self.record.measurement is None:
            return ()
        checks = self.record.verdict.checks if self.record.verdict else ()
        try:
            return samples_of(self.record.point.kind, self.record.point, self.record.measurement, checks)
        except RecordError as error:
            raise RecordError(f"{self.record.id} of run {self.run}: {error}") from error

    @property
    def slowed(self) -> bool:
        """Whether its instruments may have made it look slower than it was, but not faster."""
        return bool(self.record.remarks)

    @property
    def errors(self) -> list[Figure]:
        """The error rate of each sample that has errors."""
        return [one for sample in self.samples if (one := sample.errors()) is not None]

    @property
    def capacity(self) -> Figure | None:
        """What a search found, of all generators together; None where it is none."""
        found = self.record.capacity
        if found is None:
            return None
        low, high = found.low * found.factor, found.high * found.factor
        estimate = of_interval(low, high, found.confidence)
        return Figure("capacity", found.unit, found.middle * found.factor, False, estimate)


@dataclass(frozen=True)
class Side:
    """The runs of one side, oldest first.

    `points` has the valid measurements of each point, `unusable` why there is none of one that was selected.
    `partly` says of a point that some runs measured how many others did not, and why the first of them.
    """

    name: str
    records: tuple[RunRecord, ...]
    points: dict[Key, list[Measured]] = field(repr=False)
    unusable: dict[Key, str] = field(repr=False)
    partly: dict[Key, tuple[int, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, name: str, records: Iterable[RunRecord]) -> Side:
        """A side called `name`; a run that is there twice, as by its id and a tag, is one."""
        once = {record.run: record for record in records}
        runs = tuple(sorted(once.values(), key=lambda record: record.started))
        points: defaultdict[Key, list[Measured]] = defaultdict(list)
        unusable: defaultdict[Key, dict[str, str]] = defaultdict(dict)
        for run in runs:
            for point in run.points:
                why = why_not(point)
                if why:
                    unusable[key_of(point)].setdefault(run.run, f"{why} in run {run.run}")
                else:
                    points[key_of(point)].append(Measured(point, point.run or run.run, run.run))
        never = {key: next(iter(why.values())) for key, why in unusable.items() if key not in points}
        partly = {}
        for key, measured in points.items():
            done = {one.run for one in measured}
            if without := [why for name, why in unusable[key].items() if name not in done]:
                partly[key] = len(without), without[0]
        return cls(name, runs, dict(points), never, partly)

    def only(self, wanted: Callable[[RunRecord], bool]) -> Side:
        """The same with those of its runs alone that are `wanted`."""
        some = Side.of(self.name, filter(wanted, self.records))
        known = {id(one.record): one for measured in self.points.values() for one in measured}
        points = {key: [known[id(one.record)] for one in measured] for key, measured in some.points.items()}
        return replace(some, points=points)

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of its runs."""
        return tuple(record.run for record in self.records)

    @property
    def began(self) -> tuple[datetime, datetime]:
        """When the first and the last of them began."""
        return self.records[0].started, self.records[-1].started

    def units(self, key: Key) -> tuple[str, ...]:
        """The stagings that a point was measured on, in order."""
        return tuple(dict.fromkeys(one.unit for one in self.points.get(key, ())))


def key_of(point: PointRecord) -> Key:
    """By what a point is matched."""
    own = point.id if point.status in (PointStatus.MEASURED, PointStatus.INVALID) else ""
    return Key(point.point.scenario, point.point.load, point.point.clients, own)


def why_not(point: PointRecord) -> str:
    """Why a point's measurement cannot be compared; "" if it can."""
    if point.capacity is not None and point.capacity.end not in NUMBERED:
        return "its search found no capacity that is bounded on both sides"
    if point.measurement is None and point.capacity is None:
        return _NO_MEASUREMENT
    if point.point.kind not in WORKLOADS:
        return f"points of kind {point.point.kind} are not known in compare/"
    if point.status is PointStatus.INVALID or point.outcome is Outcome.INVALID or point.doubts:
        return _NOT_VALID
    return ""


def percents(measured: Iterable[Measured], sample: str) -> list[float]:
    """The percentiles that are compared of the sample of that name, ascending."""
    limits = (one.limits for each in measured for one in each.samples if one.name == sample)
    return sorted(set(USUAL).union(*limits))


def figures(measured: Sequence[Measured], wanted: dict[str, list[float]]) -> dict[str, Figure]:
    """The figures of one point on one staging, by name; of several measurements of it, their mean.

    `wanted` has the percentiles of each sample by its name.
    """
    found: defaultdict[str, list[Figure]] = defaultdict(list)
    for one in measured:
        if one.capacity is not None:
            found["capacity"].append(one.capacity)
        for sample in one.samples:
            each = [sample.percentile(percent) for percent in wanted.get(sample.name, ()) if sample.timed]
            for figure in (*each, sample.achieved()):
                found[figure.name].append(_at_worst(figure) if one.slowed else figure)
    return {name: _joined(each) for name, each in found.items()}


def _at_worst(figure: Figure) -> Figure:
    """`figure`, which was no worse than that."""
    if figure.estimate is None:
        return figure
    return replace(figure, estimate=replace(figure.estimate, no_more=figure.less, no_less=not figure.less))


def _joined(figures: Sequence[Figure]) -> Figure:
    if len(figures) == 1:
        return figures[0]
    estimates: list[Estimate] = [one.estimate for one in figures if one.estimate]
    first = figures[0]
    made = pooled(estimates) if estimates else None
    return Figure(first.name, first.unit, middle(figures), first.less, made)
