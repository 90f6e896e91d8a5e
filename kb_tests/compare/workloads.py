"""The kinds of load, as this room knows them: what of their points can be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kb_tests.compare.samples import Sample, parts_of, percentiles
from kb_tests.errors import RecordError
from kb_tests.measure.latency import Latency
from kb_tests.report.http import batches as http
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.measured import Part, decode
from kb_tests.report.storage import batches as storage
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.scenario.storage import StoragePoint, StorageSla
from kb_tests.scenario.workloads import Table
from kb_tests.sla.storage.sample import directions
from kb_tests.sla.verdict import Check

STALLED = 60.0
"""Seconds that stand for an I/O that failed or never ended: fio has no timeout."""


@dataclass(frozen=True)
class Workload:
    """`samples` are those of a point, what a record keeps of its measurement, and the checks of its verdict;
    `tools` are the programs in the servers that make or answer the load, `limited` the percentiles that an
    SLA limits of each sample that a point will have and whose times are compared, None for one without.
    """

    samples: Callable[[Any, Any, Sequence[Check]], Sequence[Sample]]
    tools: frozenset[str]
    limited: Callable[[Any, Any], Sequence[frozenset[float] | None]]


def _http(point: HttpPoint, found: HttpMeasurementRecord, checks: Sequence[Check]) -> list[Sample]:
    counts = found.counts
    batches = found.batches or http.batches(found.restore(), {}, point.timeout)
    return [
        Sample(
            name="",
            rate="achieved",
            unit="req/s",
            whole=Latency.of_due(decode(found.response), counts.due, counts.completed, point.timeout),
            parts=parts_of(batches, "requests", found.duration),
            seconds=found.duration,
            cap=point.timeout,
            rates=_in_window(found.seconds.at, found.seconds.completed, found.duration),
            closed=not point.rate,
            timed=point.rate > 0,
            limits=percentiles(checks, "latency"),
        )
    ]


def _storage(point: StoragePoint, found: StorageMeasurementRecord, checks: Sequence[Check]) -> list[Sample]:
    batches = found.batches or storage.batches(found.restore(), {})
    seconds = found.seconds
    samples = []
    for name, io, rates in (
        ("read", found.read, seconds.read_iops),
        ("write", found.write, seconds.write_iops),
    ):
        whole = (io.response or io.service).restore()
        if whole.count:
            samples.append(
                Sample(
                    name=f"{name} ",
                    rate="IOPS",
                    unit="IOPS",
                    whole=whole,
                    parts=parts_of(batches, f"{name}s", found.duration),
                    seconds=found.duration,
                    cap=STALLED,
                    rates=_in_window(seconds.at, rates, found.duration),
                    closed=not point.rate,
                    timed=True,
                    limits=percentiles(checks, name),
                )
            )
    return samples


def _of_http(point: HttpPoint, sla: HttpSla) -> list[frozenset[float] | None]:
    return [frozenset(sla.latency.limits() if sla.latency else ())] if point.rate else [None]


def _of_storage(point: StoragePoint, sla: StorageSla) -> list[frozenset[float] | None]:
    return [
        frozenset(
            percent
            for (name, _), limits in sla.times(point.rate).items()
            if name == part.name
            for percent in limits.limits()
        )
        for part in directions(point)
    ]


def _in_window(at: Sequence[float], rates: Sequence[float], duration: float) -> tuple[float, ...]:
    """Those of whole seconds of the measured window."""
    return tuple(
        float(rate)
        for second, rate in zip(at, rates, strict=True)
        if 0 <= second < math.floor(duration) and math.isfinite(rate)
    )


WORKLOADS: Table[Workload] = Table(
    "compare",
    {
        "http": Workload(_http, frozenset({"nginx"}), _of_http),
        "storage": Workload(_storage, frozenset({"fio"}), _of_storage),
    },
)


def samples_of(kind: str, point: Any, measured: Part, checks: Sequence[Check]) -> Sequence[Sample]:
    """What can be compared of a point; raises RecordError where its figures are none."""
    try:
        return WORKLOADS[kind].samples(point, measured, checks)
    except (ValueError, OverflowError) as error:  # such as a window without an end
        raise RecordError(f"what it measured is damaged: {error}.") from error
