"""A topology outlives its session by request, is loaded again, and ends when somebody says so."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from kb_tests.cloud.cleanup import find_runs
from kb_tests.cloud.connect import connect
from tests.functional.session.suite import Suite
from tests.waiting import PATIENCE


def kb(suite: Suite, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The `kb` command, on the suite's cloud."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("kb")), *arguments, "--cloud", suite.running.cloud],
        env=suite.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def folder_of(suite: Suite, run_id: str) -> Path:
    return suite.folder / "state" / "kb" / "runs" / run_id


def test_kept_used_again_and_ended(suite: Suite) -> None:
    short = "--kb-inconclusive=pass"
    first = suite.run("--kb-scenario", suite.scenario(), "--kb-keep", short)
    assert first.code == 0, first.output
    (scenario,) = first.record["scenarios"]
    run_id = scenario["topology"]["run"]
    try:
        [kept] = first.record["kept"]
        assert f"--kb-reuse {run_id} loads it again" in kept
        assert f"kept: {kept}" in first.output
        assert f"kb cleanup --cloud {suite.running.cloud} --run {run_id} ends it" in first.output
        there = suite.left()
        assert there
        for name in ("secrets.json", "topology.json"):
            assert (folder_of(suite, run_id) / name).stat().st_mode & 0o777 == 0o600
        nightly = kb(suite, "cleanup")
        assert nightly.stdout.startswith("0 resources"), nightly.stdout + nightly.stderr
        with warnings.catch_warnings(action="ignore"):
            cloud = connect(suite.running.cloud, suite.running.clouds_yaml)
            lease = find_runs(cloud, folder_of(suite, run_id).parent).runs[run_id].lease_until
            cloud.close()
        assert lease == pytest.approx(time.time() + 24 * 3600, abs=600)

        again = suite.run(
            "--kb-scenario",
            suite.scenario(name="other", rates="[20, 40]"),
            "--kb-reuse",
            run_id,
            short,
        )
        assert again.code == 0, again.output
        assert len(again.statuses()) == 2
        assert set(again.statuses().values()) <= {"pass", "inconclusive"}
        assert again.record["run"] != run_id
        assert again.record["scenarios"][0]["topology"]["run"] == run_id
        assert any("Staged by an earlier session" in note for note in again.record["notes"])
        assert suite.created() == []
        assert suite.left() == there

        wider = Path(suite.scenario(name="wider"))
        wider.write_text(wider.read_text().replace("{flavor:", "{servers_per_network: 2, flavor:"))
        refused = suite.run("--kb-scenario", str(wider), "--kb-reuse", run_id)
        assert refused.code == 4
        assert "servers_per_network 2, not 1. Only loads and limits may differ." in refused.output
    finally:
        ended = kb(suite, "cleanup", "--run", run_id)
    assert ended.returncode == 0, ended.stderr
    assert suite.left() == []
    assert not (folder_of(suite, run_id) / "secrets.json").exists()
    assert not (folder_of(suite, run_id) / "topology.json").exists()

    gone = suite.run("--kb-scenario", suite.scenario(), "--kb-reuse", run_id)
    assert gone.code == 4
    assert f"Run {run_id} left no topology on this machine." in gone.output


@pytest.mark.nightly  # but for --kb-keep, test_usage.py shows it
def test_what_never_got_ready_is_not_kept(suite: Suite) -> None:
    session = suite.run("--kb-scenario", suite.scenario(), "--kb-keep", "--kb-image", "nowhere")
    assert session.code == 4
    assert suite.left() == []
