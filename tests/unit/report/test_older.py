"""Records that earlier versions of the suite wrote, of real runs on the local cloud."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kb_tests.errors import RecordError
from kb_tests.report import html, junit, record, terminal
from kb_tests.report.older import READABLE, SCHEMA

RECORDS = Path(__file__).parent / "records"
ALL = sorted(RECORDS.glob("*.json"))

FIGURES: dict[str, dict[str, dict[str, object]]] = {
    "schema-1-http": {
        "old-http-clients-2-rate-50": {
            "kb.outcome": "inconclusive",
            "kb.requests.due": 500,
            "kb.requests.completed": 500,
            "kb.response.p99": 0.001106,
        },
        "old-http-clients-2-rate-100": {"kb.outcome": "pass", "kb.achieved": 200.0, "kb.looks": 1},
        "old-http-own-1-clients-1-rate-50": {"kb.status": "measured", "kb.requests.due": 150},
    },
    "schema-1-red": {
        "old-red-clients-1-rate-50": {"kb.outcome": "inconclusive"},
        "old-red-clients-1-rate-5000": {
            "kb.outcome": "fail",
            "kb.requests.unsent": 21943,
            "kb.response.p99": float("inf"),
            "kb.check.errors.outcome": "fail",
        },
    },
    "schema-1-storage": {
        "old-storage-clients-1-random-mix": {"kb.outcome": "pass", "kb.check.max_stall.outcome": "pass"}
    },
}


def test_there_is_one_of_each_kind_and_of_each_older_version() -> None:
    versions = {json.loads(path.read_text())["schema_version"] for path in ALL}
    assert versions == set(READABLE) - {SCHEMA}
    assert {path.stem for path in ALL} == set(FIGURES)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_an_old_record_says_what_it_said(path: Path) -> None:
    run = record.load(path)
    said = {point.id: dict(junit.properties(point)) for point in run.points}
    expected = FIGURES[path.stem]
    assert said.keys() == expected.keys()
    for point, figures in expected.items():
        assert said[point] | figures == said[point]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_report_is_made_of_an_old_record(path: Path) -> None:
    run = record.load(path)
    lines = [line.text for line in terminal.summary(run, path)]
    page = html.render(run)
    for point in run.points:
        assert any(point.id in line for line in lines)
        assert point.id in page


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_an_old_record_is_written_as_a_new_one(path: Path, tmp_path: Path) -> None:
    run = record.load(path)
    written = run.write(tmp_path)
    assert json.loads(written.read_text())["schema_version"] == SCHEMA
    assert record.load(written).model_dump_json() == run.model_dump_json()


def test_failed_ios_that_schema_1_left_out_of_its_times_are_slower_than_any(tmp_path: Path) -> None:
    data = json.loads((RECORDS / "schema-1-storage.json").read_text())
    measurement = data["points"][0]["measurement"]
    measurement["errors"] = 50
    changed = tmp_path / "failed.json"
    changed.write_text(json.dumps(data))
    (point,) = record.load(changed).points
    said = dict(junit.properties(point))
    assert said["kb.read.p99"] == said["kb.write.p99"] == float("inf")
    assert said["kb.read.p50"] != float("inf")


@pytest.mark.parametrize(
    "points", [None, 5, [None], [{"measurement": 5}], [{"measurement": {"errors": 1, "read": 5}}]]
)
def test_a_file_that_only_says_it_is_an_old_record_is_refused(points: object, tmp_path: Path) -> None:
    path = tmp_path / "wild.json"
    path.write_text(json.dumps({"schema_version": 1, "points": points}))
    with pytest.raises(RecordError):
        record.load(path)
