"""The figures of a point that every report shows, the same in each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.measure.latency import Latency
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
    timeout: float = math.inf
    """Seconds after which a request is given up; how long it had taken by then may be in `response`."""

    @classmethod
    def of(cls, measurement: HttpMeasurementRecord, timeout: float = math.inf) -> Figures:
        """The figures of `measurement`; raises RecordError if a histogram cannot be read."""
        return cls(
            duration=measurement.duration,
            offered=measurement.offered,
            achieved=measurement.achieved,
            throughput=measurement.throughput,
            counts=measurement.counts,
            response=decode(measurement.response),
            service=decode(measurement.service),
            timeout=timeout,
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
        return due_percentile(self.response, self.counts, self.timeout, percent)


def due_percentile(response: Histogram, counts: Counts, timeout: float, percent: float) -> float:
    """As the verdict has it: of those that were given up after `timeout`, none counts as done."""
    if math.ceil(round(counts.due * percent / 100, 6)) > counts.completed:
        return math.inf
    return Latency.of_due(response, counts.due, counts.completed, timeout).percentile(percent)
