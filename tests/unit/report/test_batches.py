"""What a record keeps for comparing runs agrees with what was judged, however large the run was."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kb_tests.measure.heat import Heat
from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.http.merge import measure as measure_http
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.merge import measure as measure_storage
from kb_tests.report import measured
from kb_tests.report.batches import BatchesRecord, limits_of
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.measured import decode
from kb_tests.report.point import PointRecord
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.sla.http.judge import judge
from kb_tests.sla.http.sample import Sample
from tests.unit.measure import io_reports, reports
from tests.unit.measure.io_reports import POINT as STORAGE_POINT


def http(record: PointRecord) -> BatchesRecord:
    assert isinstance(record.measurement, HttpMeasurementRecord)
    assert record.measurement.batches is not None
    return record.measurement.batches


def judged(measurement: HttpMeasurement) -> PointRecord:
    verdict = judge(reports.POINT, measurement, reports.SLA)
    return PointRecord.judged(reports.POINT, measurement, verdict)


FAILING = [
    reports.wire(500),
    reports.wire(500, {"http_5xx": 40}),
    reports.wire(500, {"timeout": 7}, unsent=3, inflight=2),
    reports.wire(500, unsent=500),
    reports.wire(500),
]


def whole() -> HttpMeasurement:
    found = measure_http(
        reports.POINT, [reports.report("a", counts=FAILING), reports.report("b", seed=2, median=0.004)]
    )
    assert not found.missing
    return found


def test_the_batches_hold_what_was_judged() -> None:
    measurement = whole()
    kept = http(judged(measurement))
    (sample,) = kept.samples.values()
    assert (kept.seconds, kept.at) == (1.0, (0.0, 1.0, 2.0, 3.0, 4.0))
    assert kept.agents == ("a", "b")
    assert sample.limits == {"latency p50": 0.005, "latency p99": 0.05, "errors": math.inf}
    found = Sample([measurement], reports.POINT.timeout)
    (window,) = found.windows
    for name, limit in sample.limits.items():
        share = found.slower(limit)
        assert (sum(sample.slower[name]), sum(sample.due)) == (share.bad, share.due)
        assert [group.slower(limit) for group in window.times] == list(sample.slower[name])
        assert sum(map(sum, sample.agents_slower[name])) == share.bad
    assert [sum(column) for column in zip(*sample.agents_due, strict=True)] == list(sample.due)


def test_pooled_batches_are_the_point_again() -> None:
    measurement = whole()
    (sample,) = http(judged(measurement)).samples.values()
    times = [decode(encoded) for encoded in sample.times]
    each = [Latency(part, due - part.count) for part, due in zip(times, sample.due, strict=True)]
    pooled = Latency.merged(each)
    counts = measurement.counts
    same = Latency.of_due(measurement.response, counts.due, counts.completed, reports.POINT.timeout)
    assert (pooled.count, pooled.percentile(50), pooled.percentile(99)) == (
        same.count,
        same.percentile(50),
        same.percentile(99),
    )


def test_a_run_of_too_many_blocks_can_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MAX_BLOCKS", 3)
    record = judged(whole())
    assert isinstance(record.measurement, HttpMeasurementRecord)
    assert (record.measurement.blocks, record.measurement.blocks_left_out) == ((), 10)
    again = PointRecord.model_validate_json(record.model_dump_json())
    assert http(again) == http(record)
    assert len(http(again).at) == 5


def test_a_test_of_ones_own_has_no_limits_but_what_failed() -> None:
    sample = http(PointRecord.measured(reports.POINT, whole())).samples["requests"]
    assert sample.limits == {"errors": math.inf}
    assert sample.slower["errors"] == (0, 40, 12, 500, 0)


def test_storage_has_reads_and_writes_apart() -> None:
    found = measure_storage(STORAGE_POINT, [io_reports.report(io_reports.steady_blocks(each=290))])
    record = PointRecord.measured(STORAGE_POINT, found)
    assert isinstance(record.measurement, StorageMeasurementRecord)
    kept = record.measurement.batches
    assert kept is not None
    assert set(kept.samples) == {"reads"}
    assert kept.seconds == 3.0
    assert kept.samples["reads"].due == (300,) * 10
    assert kept.samples["reads"].slower["errors"] == (10,) * 10


def test_only_limits_on_times_are_counted() -> None:
    record = judged(whole())
    assert record.verdict is not None
    assert set(limits_of(record.verdict)) == {"latency p50", "latency p99"}


def test_the_seconds_of_a_point_are_in_its_record_by_bucket() -> None:
    measurement = whole()
    record = HttpMeasurementRecord.of(measurement)
    assert measurement.heat.rows
    assert record.restore().heat == measurement.heat
    kept: Any = record.model_dump(mode="json")["heat"]
    assert HttpMeasurementRecord.model_validate_json(record.model_dump_json()).heat == record.heat
    assert Heat.of({0: {3: 1}, 2: {}}, 0, 9) == Heat(0, 1, (((3, 1),), (), ()))
    assert kept["step"] == 1
