"""What stays behind when sessions are killed, kept, or run beside each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kb_tests.report.record import load
from tests.functional.session.suite import Suite
from tests.waiting import PATIENCE, SESSION, eventually

KB = [sys.executable, "-c", "import sys; from kb_tests.cli import main; sys.exit(main())"]


def start(
    suite: Suite, name: str, *arguments: str, clouds_yaml: Path | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    with (suite.folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            suite.command("--kb-reports", str(suite.folder / name), *arguments),
            cwd=suite.folder,
            env=suite.environment(clouds_yaml) | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill(session: subprocess.Popen[bytes]) -> None:
    os.killpg(session.pid, signal.SIGKILL)
    session.wait()


MANY = "[50, 60, 70, 80, 90]"
"""Of so many points some are not run yet when somebody sees that the first was judged."""


def assert_broken_off(record: Any) -> None:
    """At first there are points that were judged, then such that were not run."""
    statuses = [point["status"] for point in record["points"]]
    judged = statuses.count("judged")
    assert 1 <= judged < len(statuses)
    assert statuses == ["judged"] * judged + ["not_run"] * (len(statuses) - judged)


def said(suite: Suite, name: str) -> str:
    return (suite.folder / f"{name}.log").read_text()


@pytest.mark.nightly
def test_two_suites_in_one_project_do_not_mind_a_third_that_is_killed(suite: Suite, as_member: Path) -> None:
    scenario = suite.scenario(duration="5s")
    options = ("--kb-cloud", suite.running.cloud, "--kb-scenario", scenario)
    projects = len(suite.requests("POST", "/identity/v3/projects"))
    one, two, third = (
        start(suite, name, *options, clouds_yaml=as_member) for name in ("one", "two", "third")
    )
    eventually(lambda: "servers" in said(suite, "third"))
    kill(third)
    assert one.wait(SESSION) == 0, said(suite, "one")
    assert two.wait(SESSION) == 0, said(suite, "two")
    eventually(lambda: suite.left() == [])
    for name in ("one", "two"):
        (record,) = (suite.folder / name).glob("*.json")
        assert '"outcome":"pass"' in record.read_text()
    assert len(suite.requests("POST", "/identity/v3/projects")) == projects


def test_cleanup_takes_the_dead_run_and_no_other(suite: Suite) -> None:
    """Two runs at once, the reaper of the killed one gone too."""
    scenario = suite.scenario(duration="300s")
    options = ("--kb-cloud", suite.running.cloud, "--kb-scenario", scenario)
    alive, dead = (start(suite, name, *options) for name in ("alive", "dead"))
    eventually(lambda: all("/300s" in said(suite, name) for name in ("alive", "dead")))
    children = Path(f"/proc/{dead.pid}/task/{dead.pid}/children").read_text().split()
    os.kill(dead.pid, signal.SIGSTOP)
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    kill(dead)
    before = len(suite.left())
    cleaned = cleanup(suite)
    assert cleaned.returncode == 0, cleaned.stderr
    assert len(suite.left()) == before // 2
    alive.send_signal(signal.SIGTERM)
    assert alive.wait(PATIENCE) == 2, said(suite, "alive")
    assert suite.left() == []


def test_the_reaper_makes_the_record_of_a_killed_session_whole(suite: Suite) -> None:
    """What was measured is in it, and that the rest was not."""
    scenario = suite.scenario(rates=MANY, duration="2s")
    session = start(suite, "killed", "--kb-cloud", suite.running.cloud, "--kb-scenario", scenario)

    def statuses() -> list[str]:
        return [
            str(point.status)
            for path in (suite.folder / "killed").glob("*.json")
            for point in load(path).points
        ]

    eventually(lambda: statuses()[:1] == ["judged"])
    kill(session)
    eventually(lambda: suite.left() == [])
    eventually(lambda: not list((suite.folder / "killed").glob("*.ndjson")))
    (path,) = (suite.folder / "killed").iterdir()
    record = json.loads(path.read_text())
    assert_broken_off(record)
    assert record["scenarios"][0]["topology"]["servers"]
    assert record["exit_code"] is None


@pytest.mark.nightly
def test_a_kept_topology_stays_until_it_is_cleaned_up(suite: Suite) -> None:
    scenario = suite.scenario(duration="5s")
    ended = suite.run(f"--kb-scenario={scenario}", "--kb-keep")
    assert ended.code == 0, ended.output
    kept = suite.left()
    assert kept
    assert cleanup(suite).returncode == 0
    assert suite.left() == kept
    cleaned = cleanup(suite, "--run", ended.record["run"], "--force")
    assert cleaned.returncode == 0, cleaned.stderr
    assert suite.left() == []


def written(suite: Suite, reports: str, suffix: str) -> bytes:
    return b"".join(path.read_bytes() for path in (suite.folder / reports).glob(f"*.{suffix}"))


def test_a_killed_session_with_its_own_cloud_leaves_nothing(suite: Suite) -> None:
    temporary = suite.folder / "tmp"
    temporary.mkdir()
    scenario = suite.scenario(rates=MANY, duration="2s")
    session = start(suite, "own", "--kb-scenario", scenario, TMPDIR=str(temporary))
    eventually(lambda: b'"status":"judged"' in written(suite, "own", "ndjson"))
    assert list(temporary.glob("kb-localcloud-*/runs/*/journal.jsonl"))
    assert b'"status":"judged"' not in written(suite, "own", "json")
    kill(session)
    eventually(lambda: not list(temporary.iterdir()))
    eventually(lambda: not written(suite, "own", "ndjson"))
    assert_broken_off(json.loads(written(suite, "own", "json")))
    assert not list((suite.folder / "state").glob("kb/runs/*"))
    assert suite.left() == [], "it staged on the cloud of the environment, not on its own"


def test_a_report_that_cannot_be_made_costs_neither_results_nor_exit_code(suite: Suite) -> None:
    (suite.folder / "conftest.py").write_text(
        "from kb_tests.report import html\n\n\n"
        "def broken(records):\n    raise ValueError('no chart today')\n\n\n"
        "html.summary = broken\n"
    )
    scenario = suite.scenario(duration="5s")
    ended = suite.run(f"--kb-scenario={scenario}", "--html=r.html", "-c", "/dev/null", "-p", "conftest")
    assert ended.code == 0, ended.output
    assert "Traceback" not in ended.output
    assert ended.record["exit_code"] == 0
    assert "ValueError no chart today" in ended.record["problems"][0]
    assert "the results are in the record" in (suite.folder / "r.html").read_text()


def cleanup(suite: Suite, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*KB, "cleanup", "--cloud", suite.running.cloud, *arguments],
        env=suite.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
