"""The figures of a point that every report shows, the same in each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.measured import decode


@dataclass(frozen=True)
class Figures:
    """What one point measured, with its histograms read.

    A percentile is of the requests that were *due*: one that failed is slower than any time,
    as in the verdict (`sla.judge`), so that a cloud that refuses quickly does not look fast.
    """

    duration: float
    offered: float
    achieved: float
    throughput: float
    counts: Counts
    response: Histogram
    service: Histogram

    @classmethod
    def of(cls, measurement: HttpMeasurementRecord) -> Figures:
        """The figures of `measurement`; raises RecordError if a histogram cannot be read."""
        return cls(
            duration=measurement.duration,
            offered=measurement.offered,
            achieved=measurement.achieved,
            throughput=measurement.throughput,
            counts=measurement.counts,
            response=decode(measurement.response),
            service=decode(measurement.service),
        )

    @property
    def share(self) -> float:
        """The achieved share of the offered rate; NaN for a closed loop, which offers none."""
        return self.achieved / self.offered if self.offered else math.nan

    @property
    def bad(self) -> float:
        """The share of the requests due that failed; NaN if none was due."""
        due = self.counts.due
        return (due - self.counts.completed) / due if due else math.nan

    def percentile(self, percent: float) -> float:
        """Seconds within which `percent` (0 to 100) of the requests due were successful.

        Infinite if fewer had one at all, NaN if no request was due.
        """
        if not self.counts.due:
            return math.nan
        rank = max(1, math.ceil(round(self.counts.due * percent / 100, 6)))
        return self.response.at_rank(rank) if rank <= self.counts.completed else math.inf
