"""Histories: where figures changed, whatever becomes of the index that keeps them."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from kb_tests.cli import main
from kb_tests.history.figures import PointFigure, from_text, of_record, to_text
from kb_tests.history.index import NAME, Index
from tests.unit.compare.build import point, run
from tests.unit.report import build


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve runs on twelve days; from the eighth on they take half as long again, with another suite."""
    folder = tmp_path_factory.mktemp("history")
    random = np.random.default_rng(1)
    for day in range(12):
        ratio = math.exp(0.02 * random.normal()) * (1.5 if day >= 7 else 1.0)
        suite = "0.2.0" if day >= 7 else "0.1.0"
        run(f"{day:08x}", {100.0: ratio}, seed=day, day=day, suite=suite).write(folder)
    return folder


def told(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["history", str(folder), *options]) == 0
    return capsys.readouterr().out


def test_it_says_from_which_run_on_by_how_much_and_what_changed_with_it(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(runs, capsys, "--figure", "p50")
    assert "12 runs, 2026-11-24 to 2026-12-05: a change shows in 1 of 1 figure." in said
    assert "from run 00000007 (2026-12-01) on 1." in said
    assert "with it changed: suite 0.1.0 -> 0.2.0" in said
    assert "one history in 100 gives an alarm" in said
    assert "--kb-pairs 8" in said


def test_no_more_records_are_read_than_are_looked_at(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of thousands the newest: their figures take longer than all else."""
    (runs / NAME).unlink(missing_ok=True)
    monkeypatch.setattr("kb_tests.compare.changes.MOST", 7)
    read: list[str] = []

    def noted(path: Path) -> list[PointFigure]:
        read.append(path.stem)
        return of_record(path)

    monkeypatch.setattr("kb_tests.history.figures.of_record", noted)
    assert "7 runs, 2026-11-29 to 2026-12-05" in told(runs, capsys, "--figure", "p50")
    assert sorted(read) == [f"{day:08x}" for day in range(5, 12)]


def test_programs_get_the_same(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in told(runs, capsys, "--json").splitlines()]
    assert {line["figure"] for line in lines} == {"p50", "achieved"} | {line["figure"] for line in lines}
    (p50,) = (line for line in lines if line["figure"] == "p50")
    assert [change["run"] for change in p50["changes"]] == ["00000007"]


def test_figures_are_read_once_and_never_believed_where_they_are_damaged(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told(runs, capsys)
    monkeypatch.setattr("kb_tests.history.figures.of_record", lambda path: pytest.fail(f"{path} was read"))
    assert told(runs, capsys) == first
    monkeypatch.undo()
    for damage in ("UPDATE figures SET text = '{'", "UPDATE figures SET text = 7", "DROP TABLE figures"):
        with closing(sqlite3.connect(runs / NAME)) as database, database:
            database.execute(damage)
        assert told(runs, capsys) == first
    (runs / NAME).write_bytes(b"no database")
    assert told(runs, capsys) == first


def test_a_run_that_changed_is_read_again(tmp_path: Path) -> None:
    run("00000001", {100.0: 1.0}).write(tmp_path)

    def median() -> float:
        with closing(Index(tmp_path)) as index:
            return next(one.value for one in index.figures(index.runs()[0]) if one.figure == "p50")

    before = median()
    run("00000001", {100.0: 2.0}, seed=5).write(tmp_path)
    assert median() == pytest.approx(2 * before, rel=0.3)


def test_what_an_index_says_is_checked() -> None:
    for text in (
        "",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 1, "figures": [{}]}',
        '{"version": 9}',
        "[" * 9999,
    ):
        assert from_text(text) is None
    assert from_text(to_text([])) == []


def test_a_damaged_record_has_no_figures(tmp_path: Path) -> None:
    bad = tmp_path / "00000001.json"
    bad.write_text("{")
    assert of_record(bad) == []


def test_nothing_of_that_is_said(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(runs), "--scenario", "other"]) == 1
    assert "kb runs" in capsys.readouterr().err
    for options in (("--figure", "p1"), ("--figure", "p1", "--json")):
        assert main(["history", str(runs), *options]) == 1
        assert "Its figures: p50, p99, achieved." in capsys.readouterr().err
    assert main(["history", str(runs), "--point", "rate-9"]) == 1
    assert "Its points: http-east-west-clients-1-rate-100." in capsys.readouterr().err


def test_too_few_runs_show_nothing_and_claim_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in range(6):
        rates = {100.0: 1.0} if day < 5 else {100.0: 1.0, 200.0: 1.0}
        run(f"{day:08x}", rates, seed=day, day=day).write(tmp_path)
        said = told(tmp_path, capsys, "--figure", "p50")
        if day < 5:
            assert f"{day + 1} run" in said
            assert "too few to show a change, which takes 6." in said
            assert "alarm" not in said, "none can be given"
    assert "no change shows in any of 2 figures; 1 of them has fewer than the 6 runs that it takes." in said
    enough = [json.loads(line)["enough"] for line in told(tmp_path, capsys, "--json").splitlines()]
    assert set(enough) == {True, False}


def test_a_run_that_is_beyond_measure_is_the_slowest_and_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the fifth run on all fails: p99 became slower, and is not what it was before."""
    dead = point(build.point(1, 100), served=0, failed=[100] * 30)
    for day in range(8):
        points = [dead] if day > 3 else None
        run(f"{day:08x}", {100.0: 1.0}, seed=day, day=day, points=points).write(tmp_path)
    said = told(tmp_path, capsys, "--figure", "p50")
    assert "now beyond measure" in said
    assert "from run 00000004" in said
    assert " on at least about " in said
    (line,) = (json.loads(line) for line in told(tmp_path, capsys, "--json", "--figure", "p50").splitlines())
    assert line["values"][4:] == [None] * 4
