from __future__ import annotations

import errno
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kb_tests.errors import RecordError
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, GeneratorFacts, HttpMeasurement, Second, Start
from kb_tests.report import measured, record
from kb_tests.report.changes import Probed
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, TopologyRecord
from kb_tests.report.view import view
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.report import build

count = st.integers(0, 1 << 53)
number = st.floats(allow_nan=True)
text = st.text(max_size=20)
histogram = st.dictionaries(st.floats(0, 3600), st.integers(1, 1 << 20), max_size=5).map(
    lambda values: Histogram.of(list(values), list(values.values())) if values else Histogram()
)
counts = st.builds(
    Counts,
    count,
    count,
    count,
    count,
    count,
    count,
    st.dictionaries(st.sampled_from(["reset", "http_5xx"]), count),
)
measurements = st.builds(
    HttpMeasurement,
    point_id=text,
    duration=number,
    offered=number,
    achieved=number,
    throughput=number,
    counts=counts,
    response=histogram,
    service=histogram,
    seconds=st.lists(
        st.builds(Second, number, count, count, count, count, number, number, number), max_size=4
    ).map(tuple),
    blocks=st.lists(st.builds(Block, text, number, number, counts, histogram, histogram), max_size=3).map(
        tuple
    ),
    agents=st.lists(
        st.builds(
            GeneratorFacts,
            text,
            text,
            counts,
            histogram,
            number,
            lag_p99=number,
            lag_max=number,
            cpu=number,
            skew=number,
            saturated=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    missing=st.dictionaries(text, text, max_size=3),
    start=st.none() | st.builds(Start, number, st.booleans(), st.integers(0, 1 << 40), number),
)


@given(measurements)
def test_a_measurement_comes_back_from_its_record_as_it_was(measurement: HttpMeasurement) -> None:
    written = HttpMeasurementRecord.of(measurement).model_dump_json()
    restored = HttpMeasurementRecord.model_validate_json(written).restore()
    assert repr(restored) == repr(measurement)  # NaN is not equal to itself, its text is
    assert restored.response == measurement.response
    assert [block.service for block in restored.blocks] == [block.service for block in measurement.blocks]


def test_a_run_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    run = build.run(
        [
            build.judged(),
            build.judged(build.point(rate=2000), undecided=True),
            build.without(PointStatus.LOST, "worker gw0 crashed", build.point(rate=4000)),
        ],
        leaks=["server kb-1f2e3d4c-proxy"],
        exit_code=12,
    )
    path = run.write(tmp_path)
    assert path == tmp_path / "1f2e3d4c.json"
    assert record.load(path) == run
    assert [file.name for file in tmp_path.iterdir()] == ["1f2e3d4c.json"]


def test_a_check_without_a_value_survives_the_file(tmp_path: Path) -> None:
    check = build.check("latency p99", math.nan, 0.05, outcome=Outcome.FAIL)
    asked = build.point()
    judged = PointRecord.judged(asked, build.measurement(asked), build.verdict([check]))
    verdict = record.load(build.run([judged]).write(tmp_path)).points[0].verdict
    assert verdict is not None
    assert math.isnan(verdict.checks[0].value)
    assert "NaN" not in json.dumps(json.loads((tmp_path / "1f2e3d4c.json").read_text())).replace('"NaN"', "")


def test_of_the_way_to_the_proxy_nothing_is_kept(tmp_path: Path) -> None:
    written = build.run([build.judged()]).write(tmp_path).read_text()
    assert "hush" not in written
    assert "192.0.2.1" not in written


def test_a_point_is_put_in_the_place_that_it_has_in_the_run() -> None:
    asked = [build.point(rate=rate) for rate in (500, 1000)]
    run = build.run(
        [build.without(PointStatus.NOT_RUN, "The session ended before it.", each) for each in asked]
    )
    run.put(build.judged(asked[0]))
    assert [(entry.id, entry.status) for entry in run.points] == [
        ("http-east-west-clients-4-rate-500", PointStatus.JUDGED),
        ("http-east-west-clients-4-rate-1000", PointStatus.NOT_RUN),
    ]


def test_a_note_is_kept_once() -> None:
    run = build.run([], local=False)
    run.note(["one", "two", "one"])
    run.note(["two"])
    assert run.notes == ["one", "two"]


def test_more_blocks_than_a_record_may_hold_are_counted_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MAX_BLOCKS", 3)
    kept = HttpMeasurementRecord.of(build.measurement(build.point(clients=4)))
    assert (kept.blocks, kept.blocks_left_out) == ((), 4)
    assert len(kept.agents) == 4


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_a_full_disk_leaves_the_last_record_whole(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build.run([build.judged()])
    path = run.write(tmp_path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "write":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    run.put(build.judged(build.point(rate=4000)))
    with pytest.raises(
        RecordError, match=r"1f2e3d4c.json cannot be written: No space left on device. Make room"
    ):
        run.write(tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["1f2e3d4c.json"]


def test_what_older_suites_did_not_count_is_not_known(tmp_path: Path) -> None:
    path = build.run([build.judged()]).write(tmp_path)
    data = json.loads(path.read_text())
    measured = data["points"][0]["measurement"]
    del measured["seconds"]["open"], measured["connections"]
    del data["points"][0]["verdict"]["notes"]
    path.write_text(json.dumps(data))
    found = record.load(path).points[0].measurement
    assert isinstance(found, HttpMeasurementRecord)
    assert found.connections is None
    assert {second.open for second in found.restore().seconds} == {None}


def test_undecodable_bytes_of_a_file_name_do_not_cost_the_record(tmp_path: Path) -> None:
    point = build.without(PointStatus.ERROR, "no such file: sc\udcffenario.yaml")
    assert record.load(build.run([point]).write(tmp_path)).points[0].reason == "no such file: sc?enario.yaml"


def test_the_record_is_as_readable_as_other_files(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        path = build.run([]).write(tmp_path)
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o644


def damaged(tmp_path: Path, *steps: str | int, value: object) -> Path:
    path = build.run([build.judged()]).write(tmp_path)
    data = json.loads(path.read_text())
    place = data
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("steps", "value", "message"),
    [
        (("schema_version",), 3, "has schema version 3; this kb_tests reads versions 1 and 2"),
        (("schema_version",), "1", "has schema version '1'; this kb_tests reads versions"),
        (("schema_version",), True, "has schema version True; this kb_tests reads versions"),
        (("schema_version",), [], "has schema version .*; this kb_tests reads versions"),
        (("scenarios", 0, "kind"), "connects", "holds a load of kind 'connects', which is not known here"),
        (("points", 0, "status"), "fine", "damaged at points.0.status"),
        (("points", 0, "verdict"), None, "damaged at points.0: .*if, and only if, it was judged"),
        (("points", 0, "measurement"), None, "damaged at points.0: .*needs its measurement"),
        (("points", 0, "verdict", "checks", 1, "outcome"), "fail", "verdict of pass needs checks"),
        (("points", 0, "verdict", "checks"), [], "verdict of pass needs checks"),
        (("points", 0, "measurement", "seconds", "p50"), [], "columns of the time series differ"),
        (("points", 0, "measurement", "response"), "<b>", "damaged at points.0.measurement.response"),
        (("password",), "hush", "damaged at password"),
        (("run",), "../../etc", "damaged at run"),
    ],
)
def test_a_damaged_record_says_where(
    steps: tuple[str | int, ...], value: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match=message):
        record.load(damaged(tmp_path, *steps, value=value))


def test_a_histogram_that_is_none_is_a_record_error(tmp_path: Path) -> None:
    path = damaged(tmp_path, "points", 0, "measurement", "response", value="AAAA")
    kept = record.load(path).points[0].measurement
    assert isinstance(kept, HttpMeasurementRecord)
    with pytest.raises(RecordError, match="histogram in the record cannot be read"):
        kept.restore()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "it is empty"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "it has no schema_version"),
        (b"{}", "it has no schema_version"),
    ],
)
def test_what_is_no_record_says_so(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=message):
        record.load(path)


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | number | text, lambda inner: st.dictionaries(text, inner)))
def test_wild_content_is_a_record_error_or_a_record(content: object) -> None:
    try:
        RunRecord.model_validate({"schema_version": 2, "run": content, "points": [content]})
    except ValidationError:
        return
    raise AssertionError("accepted")


def test_a_point_that_did_not_run_says_why() -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        build.without(PointStatus.NOT_RUN, "")


def test_a_pass_with_a_reason_against_it_is_refused() -> None:
    asked = build.point()
    verdict = Verdict(
        Outcome.PASS, (build.check("latency p50", 0.001, 0.01),), ("An agent is missing.",), 0.95
    )
    with pytest.raises(ValidationError, match="verdict of pass needs checks"):
        PointRecord.judged(asked, build.measurement(asked), verdict)


def test_the_mtu_is_kept_and_a_difference_shown() -> None:
    def shown(*seen: int) -> str:
        staged = build.topology(len(seen))
        found = [replace(one, mtu=mtu) for one, mtu in zip(staged.clients, seen, strict=True)]
        record = TopologyRecord.of(replace(staged, servers=(), clients=tuple(found)))
        assert [one.mtu for one in record.servers] == [None, *(mtu or None for mtu in seen)]
        run = build.run([build.judged()])
        run.scenarios[0].topology = record
        (text,) = (text for name, text in view(run).scenarios[0].topology if name == "MTU")
        return text

    assert shown(1450, 1450) == "1450"
    assert shown(0, 0) == "1450"
    assert shown(1450, 1500) == "1450; servers see 1450, 1500"


def test_the_region_is_kept_and_shown() -> None:
    def shown(**where: str) -> list[str]:
        record = TopologyRecord.of(replace(build.topology(1), **where))  # type: ignore[arg-type]
        if "testing_region" in where:
            record = record.model_copy(update={"testing_cloud": "east"})
        run = build.run([build.judged()])
        run.scenarios[0].topology = TopologyRecord.model_validate_json(record.model_dump_json())
        return [text for name, text in view(run).scenarios[0].topology if name == "region"]

    assert shown() == []
    assert shown(region="RegionOne") == ["RegionOne"]
    assert shown(region="RegionOne", testing_region="west") == ["RegionOne, loaded from west"]


def test_of_a_search_that_was_broken_off_it_is_said_that_its_probes_are_kept() -> None:
    of, other = build.point(), build.point(4, 2000)
    unmade = [build.without(PointStatus.NOT_RUN, "The session ended before it.", one) for one in (of, other)]
    record = build.run(unmade)
    for _ in range(2):
        probe = build.judged().model_copy(update={"search": of.id})
        Probed(point=probe).apply(record)
    within, before = (point.reason for point in record.points)
    assert within == "The session ended within its search, of which 2 probes are kept."
    assert before == "The session ended before it."
    record.put(build.judged(of))
    assert record.points[0].status is PointStatus.JUDGED
