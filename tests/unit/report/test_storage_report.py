"""Storage points in the record, the terminal, JUnit and the page."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from kb_tests.measure.storage.measurement import StorageMeasurement, Verified
from kb_tests.measure.storage.merge import measure
from kb_tests.report import html, junit, telling, terminal, words
from kb_tests.report.charts.page import draw
from kb_tests.report.record import PointRecord, RunRecord, ScenarioRecord, load
from kb_tests.report.storage import charts, view
from kb_tests.report.storage import words as storage_words
from kb_tests.report.storage.presentation import StoragePresentation
from kb_tests.report.storage.shown import StorageShown
from kb_tests.scenario.storage import StoragePoint, StorageSla
from kb_tests.sla.storage.judge import judge
from tests.unit.measure.io_reports import block, frozen_blocks, point, report, steady_blocks

SLA = StorageSla.model_validate(
    {"read_latency": {"p50": "5ms", "p99": "20ms"}, "write_latency": {"p99": "30ms"}, "achieved": "95%"}
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def asked(clients: int, profile: str, **changes: object) -> StoragePoint:
    id_ = f"disk-clients-{clients}-{profile.replace(' ', '-')}"
    return dataclasses.replace(point(), id=id_, clients=clients, profile=profile, **changes)  # type: ignore[arg-type]


def judged(asked: StoragePoint, measured: StorageMeasurement) -> PointRecord:
    return PointRecord.judged(asked, measured, judge(asked, measured, SLA), NOW)


@pytest.fixture(scope="module")
def record() -> RunRecord:
    points = []
    for clients in (1, 4):
        reading = asked(clients, "random read")
        reports = [report(frozen_blocks(), agent="kb-1-storage-9", stalls=[(9.5, 2.01)])]
        reports += [report(steady_blocks(), agent=f"kb-1-storage-{n}") for n in range(clients - 1)]
        points.append(judged(reading, measure(reading, reports)))
        mix = asked(clients, "random mix", mode="randrw", reads=0.7)
        blocks = [block(i, 3.0 * i, 3.0 * i + 3, [0.001] * 210, [0.002] * 90) for i in range(10)]
        points.append(
            judged(mix, measure(mix, [report(blocks, agent=f"kb-1-storage-{n}") for n in range(clients)]))
        )
        free = asked(clients, "fast write", mode="write", reads=0.0, rate=0.0)
        slow = [block(0, 0.0, 30.0, [], [0.001] * 9000 + [18.0] * 200)]
        points.append(
            judged(free, measure(free, [report(slow, agent=f"kb-1-storage-{n}") for n in range(clients)]))
        )
    scenario = ScenarioRecord(name="disk", kind="storage", file="disk.yaml", settings={"name": "disk"})
    return RunRecord(
        run="1f2e3d4c",
        suite="0.1",
        cloud="local",
        started=NOW,
        ended=NOW,
        exit_code=1,
        scenarios=[scenario],
        points=points,
    )


def stored(point: PointRecord) -> StorageShown:
    return StoragePresentation().shown(point)


def test_a_measurement_survives_the_record(record: RunRecord, tmp_path: Path) -> None:
    again = load(record.write(tmp_path))
    assert again.model_dump_json() == record.model_dump_json()
    for before, after in zip(record.points, again.points, strict=True):
        assert stored(before).measured.blocks == stored(after).measured.blocks
        assert stored(before).measured.servers == stored(after).measured.servers


@pytest.mark.parametrize(("steady", "said"), [(True, "reached"), (False, "not reached in time")])
def test_the_record_says_whether_a_point_became_steady(steady: bool, said: str) -> None:
    asking = point(steady=True, max_duration=60.0)
    made = judged(asking, dataclasses.replace(measure(asking, [report(steady_blocks())]), steady=steady))
    assert stored(made).measured.steady is steady
    assert ("steady state (SNIA)", said) in stored(made).facts()
    assert ("kb.steady", str(steady).lower()) in junit.properties(made)


def test_every_report_says_what_was_read_back() -> None:
    asking = asked(2, "random write", mode="randwrite", reads=0.0, verify=True)
    blocks = [block(i, 3.0 * i, 3.0 * i + 3, [], [0.001] * 300) for i in range(10)]
    found = {"written": 900, "read": 880, "wrong": 2, "old": 3, "unread": 1, "first": 512, "seconds": 1.0}
    made = judged(
        asking, measure(asking, [report(blocks, agent=f"kb-{n}", verified=found) for n in range(2)])
    )
    shown = stored(made)
    assert shown.measured.verified == Verified(1800, 1760, 4, 6, 2)
    assert ("read back", "1,760 of 1,800 blocks, 12 bad") in shown.facts()
    properties = dict(junit.properties(made))
    counts = [properties[f"kb.verify.{name}"] for name in ("written", "read", "wrong", "old", "unread")]
    assert counts == [1800, 1760, 4, 6, 2]
    assert properties["kb.check.verify.outcome"] == "fail"
    assert made.verdict is not None
    check = next(one for one in made.verdict.checks if one.name == "verify")
    assert words.sentence(check).startswith(
        "share of what was written that was lost or changed 0.681% is over its limit 0%"
    )
    assert ("Read back", "verify") in view.columns(["verify"])
    assert view.cell(asking, shown.measured, ("Read back", "verify")) == "1,760 of 1,800 blocks, 12 bad"
    again = PointRecord.model_validate_json(made.model_dump_json())
    assert stored(again).measured.servers == shown.measured.servers


def test_kinds_cannot_be_mixed(record: RunRecord) -> None:
    from tests.unit.report.build import judged as http_judged

    http = http_judged()
    with pytest.raises(ValidationError, match="of one kind"):
        PointRecord.model_validate({**dict(http), "measurement": record.points[0].measurement})


def test_the_terminal_says_rate_and_both_sides(record: RunRecord) -> None:
    lines = [line.text for line in terminal.summary(record, None)]
    assert any("100 of 100 IOPS (100%)" in line and "p99 1.7" in line for line in lines)
    assert any("read p99 1ms" in line and "write p99 2.01ms" in line for line in lines)
    assert any("(closed loop)" in line and "service p99 >= 17s" in line for line in lines)
    assert any("max stall 2s is over its limit 1s by 1s (2x)" in line for line in lines)


def test_junit_has_reads_and_writes_apart(record: RunRecord) -> None:
    found = dict(junit.properties(record.points[1]))
    assert found["kb.read.ios"] == 2100
    assert found["kb.write.ios"] == 900
    assert found["kb.write.p99"] == pytest.approx(0.002, rel=0.02)
    assert found["kb.check.max_stall.outcome"] == "pass"
    assert found["kb.closed_loop"] == "false"
    free = dict(junit.properties(record.points[2]))
    assert free["kb.write.max"] == float("inf")
    assert free["kb.closed_loop"] == "true"


@pytest.mark.parametrize("percent", [50, 99])
def test_every_report_has_the_percentile_that_was_judged(percent: int) -> None:
    """9 of 100 reads fail: the 99th percentile is one of those, the 50th is one of 91 only."""
    reading = asked(1, "random read")
    failing = [block(i, 3.0 * i, 3.0 * i + 3, [0.001] * 250 + [0.004] * 25, errors=25) for i in range(10)]
    made = judged(reading, measure(reading, [report(failing)]))
    measured = stored(made).measured
    assert made.verdict is not None
    (check,) = [one for one in made.verdict.checks if one.name == f"read latency p{percent}"]
    assert math.isinf(check.value) == (percent == 99)
    said = dict(junit.properties(made))
    assert said[f"kb.read.p{percent}"] == said[f"kb.check.read_latency_p{percent}.value"] == check.value
    assert measured.read.response.percentile(percent) == check.value
    cell = view.cell(reading, measured, (f"read p{percent}", f"read latency p{percent}"))
    told = storage_words.row(reading, measured)[1 if percent == 50 else 2]
    assert told == f"p{percent} {cell}"
    assert (cell == "beyond measure") == math.isinf(check.value)
    assert charts.reach(measured.read.response) == pytest.approx(math.log10(3000 / 250))
    assert said["kb.read.max"] == math.inf


def test_a_closed_loop_s_times_are_called_service_times(record: RunRecord) -> None:
    free, measured = stored(record.points[2]).point, stored(record.points[2]).measured
    assert view.cell(free, measured, ("Offered", "")) == "closed loop"
    assert view.cell(free, measured, ("write p50", "write latency p50")) == "1ms (service)"
    limited = StorageSla.model_validate({"write_service_time": {"p50": "1us"}})
    made = PointRecord.judged(free, measured, judge(free, measured, limited), NOW)
    heads = view.columns(["write service time p50", "read latency p99", "max_stall"])
    assert [head for head, _ in heads[4:6]] == ["read p99", "write service time p50"]
    assert view.cell(free, measured, heads[5]) == "1ms"
    assert stored(record.points[1]).cell(heads[5]) == ""
    findings = "\n".join(telling.findings(made))
    assert "p50 of write service time" in findings
    assert dict(junit.properties(made))["kb.check.write_service_time_p50.outcome"] == "fail"
    page = html.render(RunRecord(run="1f2e3d4c", suite="0.1", cloud="local", started=NOW, points=[made]))
    assert "a closed loop&#39;s service times" in page


def test_the_page_shows_limits_stalls_and_charts(record: RunRecord) -> None:
    page = html.render(record)
    for text in (
        "Longest stall",
        "read p99",
        "≤ 20ms",
        "fairness (Jain, 1 is even)",
        "Bandwidth over scale",
        "Server by server",
    ):
        assert text in page
    assert "completed nothing from 9.5 s of the window on" in page
    assert page.count("<svg") >= 3 + 2 * 6
    assert len(page) < 1_000_000


def test_an_outlier_is_named_in_the_strip_of_servers(record: RunRecord) -> None:
    strip = charts.servers(stored(record.points[3]).measured, "x")
    assert strip is not None
    assert ">kb-1-storage-9<" in str(draw(strip))
    assert charts.servers(stored(record.points[0]).measured, "x") is None


def test_without_any_io_there_is_a_page_too() -> None:
    reading = asked(1, "random read")
    measured = measure(reading, [])
    assert storage_words.row(reading, measured) == ("0 of 100 IOPS (0%)", "p50 -", "p99 -")
    record = RunRecord(
        run="1f2e3d4c", suite="0.1", cloud="local", started=NOW, points=[judged(reading, measured)]
    )
    assert "servers are missing" in html.render(record)
    assert terminal.summary(record, None)
    assert junit.properties(record.points[0])
