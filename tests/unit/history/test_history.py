"""The list of runs: true to the records whatever becomes of the index."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.errors import RecordError
from kb_tests.history import index as indexing
from kb_tests.history.find import Wanted, matching, the_one
from kb_tests.history.index import NAME, Index
from kb_tests.history.read import records_of
from kb_tests.history.summary import Summary, summarize
from kb_tests.history.tags import change_tags, set_tags, tags_of
from kb_tests.report.record import PointStatus
from tests.unit.report import build


def write(folder: Path, run: str = "1f2e3d4c", **changes: object) -> Path:
    points = [build.judged(), build.without(PointStatus.NOT_RUN, "ended", build.point(1))]
    record = build.run(points).model_copy(update={"run": run, "exit_code": 11, **changes})
    return record.write(folder)


def runs(folder: Path) -> list[str]:
    return [run.run for run in summaries(folder)]


def summaries(folder: Path) -> list[Summary]:
    with closing(Index(folder)) as index:
        return index.runs()


def test_a_summary_says_what_became_of_each_point(tmp_path: Path) -> None:
    found = summarize(write(tmp_path))
    assert found is not None
    assert (found.run, found.cloud, found.exit_code, found.outcome) == ("1f2e3d4c", "west-1", 11, "not_run")
    assert [outcome for _, outcome in found.points] == ["pass", "not_run"]
    assert found.started == build.STARTED.timestamp()


def test_a_run_whose_own_tests_failed_is_no_run_that_was_measured(tmp_path: Path) -> None:
    found = summarize(write(tmp_path))
    assert found is not None
    measured = replace(found, points=(("own", "measured"),))
    assert replace(measured, exit_code=0).outcome == "measured"
    assert replace(measured, exit_code=1).outcome == "fail"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (0, "pass"),
        (1, "fail"),
        (3, "invalid"),
        (4, "invalid"),
        (10, "inconclusive"),
        (11, "invalid"),
        (12, "leaked"),
    ],
)
def test_a_run_is_no_better_than_its_sessions_exit_code(tmp_path: Path, code: int, word: str) -> None:
    found = summarize(write(tmp_path))
    assert found is not None
    passed = replace(found, points=(("a", "pass"),), leaks=0)
    assert replace(passed, exit_code=code).outcome == word
    assert replace(passed, points=(("a", "fail"),), exit_code=code).outcome == "fail"
    assert replace(passed, exit_code=2).outcome != "pass"
    assert replace(passed, points=(("a", "not_run"),), exit_code=1).outcome == "fail", (
        "by a test of one's own"
    )


def test_the_list_follows_the_folder(tmp_path: Path) -> None:
    first = write(tmp_path, "00000001")
    assert runs(tmp_path) == ["00000001"]
    write(tmp_path, "00000002", started=build.ENDED)
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "00000003.json").write_text(json.dumps({"schema_version": 2, "run": "ffffffff"}))
    (tmp_path / "broken.json").write_bytes(b"\xff{")
    assert runs(tmp_path) == ["00000002", "00000001"]
    first.unlink()
    assert runs(tmp_path) == ["00000002"]
    write(tmp_path, "00000002", cloud="elsewhere")
    assert [run.cloud for run in summaries(tmp_path)] == ["elsewhere"]


@pytest.mark.parametrize("damage", [b"no database at all", b"SQLite format 3\0" + b"x" * 5000, b""])
def test_a_damaged_index_is_made_again(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path)
    (tmp_path / NAME).write_bytes(damage)
    assert runs(tmp_path) == ["1f2e3d4c"]


def spoil(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / NAME)) as database, database:
        database.execute(sql)


@pytest.mark.parametrize(
    "lie",
    [
        "UPDATE run SET scenarios = 5",
        "UPDATE run SET points = '[[1, 2, 3]]'",
        "UPDATE run SET points = '['",
        "UPDATE run SET started = 1e300",
        "UPDATE run SET started = 'x'",
        "UPDATE run SET cloud = NULL",
        "UPDATE run SET cloud = x'ff'",
        "UPDATE run SET cloud = CAST(x'ff' AS TEXT)",
        "UPDATE run SET exit_code = 'x'",
        "UPDATE run SET leaks = 'x'",
    ],
)
def test_an_index_that_cannot_be_true_is_made_again(tmp_path: Path, lie: str) -> None:
    write(tmp_path)
    true = summaries(tmp_path)
    spoil(tmp_path, lie)
    assert summaries(tmp_path) == true
    assert summaries(tmp_path) == true


def test_an_index_that_is_damaged_in_its_middle_is_made_again(tmp_path: Path) -> None:
    write(tmp_path)
    summaries(tmp_path)
    path = write(tmp_path, "2f2e3d4c")
    points = [{"point": {"id": f"a-point-{number}"}, "status": "not_run"} for number in range(1000)]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"points": points}))
    true = summaries(tmp_path)
    content = bytearray((tmp_path / NAME).read_bytes())
    content[-8192:] = b"\xa5" * 8192
    (tmp_path / NAME).write_bytes(content)
    assert summaries(tmp_path) == true


def test_a_full_disk_keeps_no_list_from_being_shown(tmp_path: Path) -> None:
    write(tmp_path)
    with closing(Index(tmp_path)) as index:
        index._database.execute("PRAGMA max_page_count = 5")
        write(tmp_path, "2f2e3d4c", cloud="c" * 20_000)
        assert {run.run for run in index.runs()} == {"1f2e3d4c", "2f2e3d4c"}


def test_an_index_that_is_in_use_is_left_to_whoever_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "PATIENCE", 0.01)
    write(tmp_path)
    true = summaries(tmp_path)
    before = (tmp_path / NAME).stat().st_ino
    with closing(sqlite3.connect(tmp_path / NAME)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert summaries(tmp_path) == true
    assert (tmp_path / NAME).stat().st_ino == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("exit_code", 10**30),
        ("exit_code", math.inf),
        ("cloud", "\ud800"),
        ("started", "9999-12-31T23:59:59-14:00"),
        ("started", "0001-01-01T00:00:00+14:00"),
        ("ended", "9999-12-31T23:59:59-14:00"),
        ("scenarios", [{"name": "\ud800"}]),
        ("points", [{"point": {"id": "\ud800"}, "status": "x"}]),
    ],
)
def test_a_file_that_no_run_can_have_written_is_no_record(tmp_path: Path, key: str, value: object) -> None:
    write(tmp_path, "2f2e3d4c")
    path = write(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert runs(tmp_path) == ["2f2e3d4c"]
    assert main(["runs", "--reports", str(tmp_path)]) == 0


def test_a_name_that_is_no_text_is_that_of_no_record(tmp_path: Path) -> None:
    write(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json")).write_text("{}")
    assert runs(tmp_path) == ["1f2e3d4c"]


def test_where_no_index_can_be_written_the_list_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setattr(indexing, "NAME", "nowhere/index.sqlite")
    assert runs(tmp_path) == ["1f2e3d4c"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no folder"):
        Index(tmp_path / "nowhere")


def test_tags_are_kept_beside_the_record(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert tags_of(path) == ()
    assert set_tags(path, ["b", "a", "a"]) == tags_of(path) == ("a", "b")
    set_tags(path, [])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    with pytest.raises(RecordError, match="no tag"):
        set_tags(path, ["../x"])
    path.with_suffix(".tags").write_text('{"a": 1}')
    assert tags_of(path) == ()


def test_tags_that_are_given_at_once_are_all_kept(tmp_path: Path) -> None:
    path = write(tmp_path)
    wanted = {f"tag-{number}" for number in range(200)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda tag: change_tags(path, lambda old: old | {tag}), sorted(wanted)))
    assert {*tags_of(path)} == wanted
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, f"{path.stem}.tags"}


def test_runs_are_found_by_what_they_are(tmp_path: Path) -> None:
    write(tmp_path, "0000aaaa", cloud="a")
    old = write(tmp_path, "0000bbbb", cloud="b", leaks=["server x"])
    set_tags(old, ["before-upgrade"])
    every = summaries(tmp_path)

    def names(**wanted: object) -> set[str]:
        return {run.run for run in matching(every, Wanted(**wanted))}  # type: ignore[arg-type]

    assert names(cloud="a") == {"0000aaaa"}
    assert names(outcome="leaked") == {"0000bbbb"}
    assert names(tag="before-upgrade") == {"0000bbbb"}
    assert names(scenario="http-east-west") == {"0000aaaa", "0000bbbb"}
    assert names(since=60.0) == set()
    assert the_one(every, "0000a", tmp_path).run == "0000aaaa"
    assert the_one(every, "before-upgrade", tmp_path).run == "0000bbbb"
    with pytest.raises(RecordError, match="several"):
        the_one(every, "0000", tmp_path)
    with pytest.raises(RecordError, match="No run"):
        the_one(every, "nobody", tmp_path)


def test_a_tag_takes_no_run_its_name_and_is_one_whatever_ids_begin_so(tmp_path: Path) -> None:
    """`kb compare`, `kb culprits` and `kb runs tag` mean the same run by one name."""
    tagged = write(tmp_path, "0000aaaa")
    write(tmp_path, "be4c0000")
    set_tags(tagged, ["be4c0000", "be4c"])
    every = summaries(tmp_path)
    for name, run in (("be4c0000", "be4c0000"), ("be4c", "0000aaaa"), ("be4", "be4c0000")):
        assert the_one(every, name, tmp_path).run == run
        assert [record.run for record in records_of(name, tmp_path)] == [run]


def test_a_folder_is_read_whole_whatever_its_index_says(tmp_path: Path) -> None:
    for name in ("0000aaaa", "0000bbbb"):
        write(tmp_path, name)
    runs(tmp_path)
    with closing(sqlite3.connect(tmp_path / indexing.NAME)) as database, database:
        database.execute("UPDATE run SET run = NULL WHERE run = '0000bbbb'")
    assert {record.run for record in records_of(str(tmp_path), tmp_path)} == {"0000aaaa", "0000bbbb"}


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "huge"])
def test_what_is_named_as_a_record_and_is_none_is_refused_and_not_waited_for(
    tmp_path: Path, kind: str
) -> None:
    write(tmp_path, "0000aaaa")
    strange = tmp_path / "0000bbbb.json"
    match kind:
        case "pipe":
            os.mkfifo(strange)
            os.mkfifo(tmp_path / "other.json")
        case "link":
            strange.symlink_to(tmp_path / "nowhere")
        case "folder":
            strange.mkdir()
        case "huge":
            with strange.open("wb") as file:
                file.truncate((1 << 30) + 1)
    with pytest.raises(RecordError, match=r"0000bbbb.json is no record of a run"):
        records_of(str(tmp_path), tmp_path)
    strange.rmdir() if kind == "folder" else strange.unlink()
    assert [record.run for record in records_of(str(tmp_path), tmp_path)] == ["0000aaaa"]


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write(tmp_path, f"0000000{number}")
    assert len(runs(tmp_path)) == 3
    read: list[str] = []
    monkeypatch.setattr(indexing, "summarize", lambda path: read.append(path.name))
    os.utime(tmp_path / "00000001.json", (time.time(), time.time() + 5))
    runs(tmp_path)
    assert read == ["00000001.json"]


def test_the_folder_is_heard_before_and_behind_the_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of the same id in another folder, the usual one, must not be tagged in its place."""
    here, usual = tmp_path / "here", tmp_path / "reports"
    write(here)
    write(usual)
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "--reports", str(here), "tag", "1f2e", "before"]) == 0
    assert main(["runs", "tag", "1f2e", "after", "--reports", str(here)]) == 0
    assert main(["runs", "tag", "1f2e", "usual"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run 1f2e3d4c: before",
        "run 1f2e3d4c: after, before",
        "run 1f2e3d4c: usual",
    ]


def test_the_list_shows_a_letter_a_point_and_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert main(["runs", "tag", "1f2e", "before-upgrade", "--reports", str(tmp_path)]) == 0
    assert main(["runs", "--reports", str(tmp_path)]) == 0
    tagged, head, row = capsys.readouterr().out.splitlines()
    assert tagged == "run 1f2e3d4c: before-upgrade"
    assert head.split() == ["RUN", "OUTCOME", "BEGAN", "TOOK", "CLOUD", "POINTS", "SCENARIOS", "TAGS"]
    assert row.startswith("1f2e3d4c  not_run")
    assert row.split()[-4:] == ["west-1", "P-", "http-east-west", "before-upgrade"]
    assert main(["runs", "--reports", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tags"] == ["before-upgrade"]
    assert main(["runs", "--reports", str(tmp_path / "nowhere")]) == 1
    assert "no folder" in capsys.readouterr().err
