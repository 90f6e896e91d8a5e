"""What a comparison takes of a point that was measured, whatever its kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kb_tests.compare.estimate import Estimate, joined, of_percentile, of_rate, spread
from kb_tests.measure.latency import Latency
from kb_tests.report.batches import BatchesRecord
from kb_tests.report.measured import decode
from kb_tests.sla.verdict import Check


@dataclass(frozen=True)
class Sample:
    """Requests, reads or writes of one point.

    `name` is put before the names of its figures ("read ", "" where there is but one sample). `whole` is how
    long all that were due took, `parts` the same by batch of time, `cap` what stands for those that failed,
    in seconds. `rates` are how many were done well in each second, `lost` how many of all were not. With
    `timed` its times may be compared, with `closed` nobody set a rate. `limits` are the SLA's percentiles.
    """

    name: str
    rate: str
    unit: str
    whole: Latency
    parts: tuple[Latency, ...]
    seconds: float
    cap: float
    rates: tuple[float, ...]
    closed: bool
    timed: bool
    limits: frozenset[float]

    def percentile(self, percent: float) -> Figure:
        """A percentile, for as much as the sample supports it."""
        name = f"{self.name}p{percent:g}"
        found = of_percentile(percent, self.whole, self.parts, self.seconds, self.cap)
        return Figure(name, "s", self.whole.percentile(percent), True, found)

    def achieved(self) -> Figure:
        """How many were done well in a second."""
        wide = spread(self.whole, self.cap) if self.closed and self.whole.count else 0.0
        found = of_rate(self.rates, self.seconds, self.whole.censored, self.whole.count, wide)
        value = sum(self.rates) / len(self.rates) if self.rates else math.nan
        return Figure(f"{self.name}{self.rate}", self.unit, value, False, found)

    def errors(self) -> Figure | None:
        """The share of all that were due which did not come to a good end, in percent; None where all did.

        It stands beside the others and is not judged: what failed is slower than anything in their figures.
        """
        if not self.whole.censored:
            return None
        return Figure(f"{self.name}errors", "%", 100 * self.whole.censored / self.whole.count, True, None)


@dataclass(frozen=True)
class Figure:
    """One figure of a point: `value` in `unit`, and its logarithm where it can be compared.

    `less` tells that less of it is better.
    """

    name: str
    unit: str
    value: float
    less: bool
    estimate: Estimate | None


def middle(figures: Sequence[Figure]) -> float:
    """What several figures of one side are together, in their unit: the geometric mean, since ratios are made
    of the means of their logarithms; beyond measure if one of them is.
    """
    values = sorted(one.value for one in figures)
    known = [one.estimate.log for one in figures if one.estimate]
    if len(figures) == 1 or math.isinf(values[-1]):
        return values[-1]
    if len(known) == len(figures):
        return math.exp(sum(known) / len(known))
    if all(math.isfinite(value) and value > 0 for value in values):
        return math.exp(sum(map(math.log, values)) / len(values))
    return values[len(values) // 2]


def percentiles(checks: Sequence[Check], first: str) -> frozenset[float]:
    """The percentiles below 100 that checks judge whose names begin with `first`."""
    found = set()
    for check in checks:
        kind, _, percent = check.name.rpartition(" p")
        if kind.startswith(first) and check.unit == "s":
            found.add(float(percent))
    return frozenset(percent for percent in found if percent < 100)


def parts_of(batches: BatchesRecord | None, name: str, seconds: float) -> tuple[Latency, ...]:
    """The times of a sample by batches of the record, joined into as many as are wanted."""
    sample = batches.samples.get(name) if batches else None
    if sample is None:
        return ()
    each = [
        Latency(times, max(0, due - times.count))
        for due, encoded in zip(sample.due, sample.times, strict=False)
        for times in [decode(encoded)]
    ]
    return tuple(Latency.merged(each[part]) for part in joined(len(each), seconds))
