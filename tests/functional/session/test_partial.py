"""Sessions that run less than their scenarios have: points by id, staging alone, an end after a point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kb_tests.events import finishing, sessions
from tests.functional.session.suite import Suite
from tests.waiting import PATIENCE, SESSION, eventually

POINT = "small-clients-1-rate-50"


@pytest.mark.nightly
def test_only_staged_is_no_pass_and_is_loaded_afterwards(suite: Suite) -> None:
    scenario = suite.scenario(rates="[50, 60]", duration="5s")
    staged = suite.run("--kb-scenario", scenario, "--kb-stage-only")
    assert staged.code == 5, staged.output
    assert set(staged.statuses().values()) == {"not_run"}
    assert {point["reason"] for point in staged.record["points"]} == {"Only staged: no point was to run."}
    assert staged.record["kept"]
    run = staged.record["scenarios"][0]["topology"]["run"]
    loaded = suite.run("--kb-scenario", scenario, "--kb-reuse", run, "--kb-point", POINT)
    assert loaded.code == 0, loaded.output
    assert loaded.statuses() == {POINT: "pass"}
    kb = [str(Path(sys.executable).with_name("kb")), "cleanup", "--run", run, "--cloud", suite.running.cloud]
    done = subprocess.run(kb, env=suite.environment(), capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert suite.left() == []


@pytest.mark.nightly
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_asked_to_end_the_point_that_runs_is_judged_and_no_other_begins(
    suite: Suite, workers: list[str]
) -> None:
    scenario = suite.scenario(rates="[50, 60, 70]", duration="4s")
    command = suite.command("--kb-cloud", suite.running.cloud, "--kb-scenario", scenario, *workers)
    with subprocess.Popen(
        command, cwd=suite.folder, env=suite.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        eventually(lambda: _loads(suite), SESSION)
        (session,) = _loads(suite)
        finishing.request(session)
        finishing.request(session)
        output, _ = process.communicate(timeout=SESSION)
    assert process.returncode == 2, output
    (record,) = suite.take_records().values()
    assert [point["status"] for point in record["points"]] == ["judged", "not_run", "not_run"]
    assert suite.left() == []


def _loads(suite: Suite) -> list[sessions.Session]:
    """Sessions that live and have begun to load."""
    there = [one for one in sessions.every(suite.folder / "state/kb/sessions") if one.alive]
    return [one for one in there if any(b'"point_started"' in path.read_bytes() for path in one.files())]


def test_a_point_that_is_none_is_a_mistake(suite: Suite) -> None:
    ended = suite.run("--kb-scenario", suite.scenario(), "--kb-point", "small-clients-9-rate-50")
    assert ended.code == 4
    assert "no scenario of this session has small-clients-9-rate-50" in ended.output
