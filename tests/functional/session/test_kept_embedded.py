"""A topology on the embedded local cloud outlives its session, and the cloud with it: until it is ended, or
its time is over, or somebody kills it; and never longer, whatever is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.embedded import STAY_SECONDS
from tests.functional.session.suite import SMALL, Suite
from tests.functional.session.test_leftovers import KB
from tests.waiting import PATIENCE, SESSION, eventually

pytestmark = pytest.mark.nightly


class Place:
    """Sessions without any cloud of clouds.yaml, with a state of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state" / "kb"
        self.scenario = folder / "small.yaml"
        self.scenario.write_text(
            SMALL.format(
                name="small", rates="[100]", duration="5s", sla="{errors: 50%}", page="1KiB", connections=4
            )
        )
        self.env = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "state"),
            "OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml"),
        }

    def command(self, *more: str) -> list[str]:
        command = Suite.command(self, f"--kb-scenario={self.scenario}", *more)  # type: ignore[arg-type]
        return [*command, f"--kb-reports={self.folder / 'reports'}"]

    def run(self, *more: str) -> tuple[int, str]:
        """A session's exit code and output."""
        done = subprocess.run(
            self.command(*more),
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=SESSION,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def kb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*KB, *arguments], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE
        )

    def stage(self, *more: str) -> str:
        """The run of a topology that was only staged."""
        code, output = self.run("--kb-stage-only", *more)
        assert code == 5, output
        listed = self.kb("kept").stdout.splitlines()
        assert len(listed) == 1, listed
        return listed[0].partition(" ")[0]

    def clouds(self) -> list[dict[str, Any]]:
        """What each embedded cloud that has a folder says of itself."""
        return [json.loads(path.read_text()) for path in self.state.glob("localclouds/*/ready.json")]

    def processes(self) -> list[int]:
        """Those that have the state's folder in their command lines: reapers, and clouds."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.state).encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    def nothing_is_left(self) -> bool:
        return not list((self.state / "localclouds").glob("*")) and not self.processes()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    for pid in found.processes():
        os.kill(pid, signal.SIGTERM)


def test_used_again_as_often_as_one_likes_and_ended(place: Place) -> None:
    run = place.stage()
    (cloud,) = place.clouds()
    listed = place.kb("kept").stdout
    assert "embedded local cloud" in listed, listed
    for _ in range(2):
        code, output = place.run(f"--kb-reuse={run}")
        assert code == 0, output
        assert f"kb cleanup --run {run} ends it" in output
        assert place.clouds() == [cloud], "no second one is started for it"
    renewed = place.kb("kept", "--renew", run)
    assert renewed.returncode == 0, renewed.stderr
    for wrong in ("--kb-cloud=x", "--kb-reuse=0a0b0c0d"):
        (place.folder / "clouds.yaml").write_text("clouds: {x: {auth: {auth_url: http://127.0.0.1:9/}}}")
        code, output = place.run(f"--kb-reuse={run}", wrong)
        assert code == 4, output
    ended = place.kb("cleanup", "--run", run)
    assert ended.returncode == 0, ended.stderr
    eventually(place.nothing_is_left, what=lambda: place.processes())
    assert {path.name for path in (place.state / "runs" / run).iterdir()} == {"journal.jsonl", "reaper.log"}


def test_under_xdist(place: Place) -> None:
    run = place.stage("-n", "1")
    code, output = place.run(f"--kb-reuse={run}", "-n", "1")
    assert code == 0, output
    assert place.kb("cleanup", "--run", run).returncode == 0
    eventually(place.nothing_is_left, what=lambda: place.processes())


def test_a_cloud_that_was_killed_is_forgotten(place: Place) -> None:
    run = place.stage()
    (cloud,) = place.clouds()
    os.kill(cloud["pid"], signal.SIGKILL)
    eventually(lambda: "No topology is kept" in place.kb("kept").stdout)
    code, output = place.run(f"--kb-reuse={run}")
    assert code == 4, output
    assert "has ended" in output
    assert "has ended" in place.kb("cleanup", "--run", run).stdout
    assert list((place.state / "localclouds").iterdir()) == []
    assert not (place.state / "runs" / run / "secrets.json").exists()


def test_its_time_is_over_and_everybody_else_was_killed(place: Place) -> None:
    """The reaper would have ended it before."""
    run = place.stage()
    (cloud,) = place.clouds()
    for pid in place.processes():
        if pid != cloud["pid"] and b"reaper" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    long_ago = time.time() - STAY_SECONDS - 1
    os.utime(place.state / "runs" / run / "topology.json", (long_ago, long_ago))
    eventually(place.nothing_is_left, what=lambda: place.processes())
    assert "No topology is kept" in place.kb("kept").stdout


@pytest.mark.parametrize("moment", ["agents 0/2", "servers 0/3"])
def test_a_session_that_is_killed_while_it_stages_leaves_nothing(place: Place, moment: str) -> None:
    log = place.folder / "log"
    with log.open("w") as out:
        session = subprocess.Popen(
            place.command("--kb-keep", "-s"), env=place.env, cwd=place.folder, stdout=out, stderr=out
        )
    eventually(lambda: moment in log.read_text(), what=log.read_text)
    session.kill()
    session.wait()
    eventually(place.nothing_is_left, what=lambda: place.processes())
    assert "No topology is kept" in place.kb("kept").stdout


def test_a_session_that_is_killed_while_it_loads_leaves_what_was_to_stay(place: Place) -> None:
    log = place.folder / "log"
    with log.open("w") as out:
        session = subprocess.Popen(
            place.command("--kb-keep", "-s"), env=place.env, cwd=place.folder, stdout=out, stderr=out
        )
    eventually(lambda: "/5s" in log.read_text(), what=log.read_text)
    session.kill()
    session.wait()
    run = place.kb("kept").stdout.partition(" ")[0]
    code, output = place.run(f"--kb-reuse={run}")
    assert code == 0, output
    assert place.kb("cleanup", "--run", run).returncode == 0
    eventually(place.nothing_is_left, what=lambda: place.processes())
