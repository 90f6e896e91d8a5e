"""Sessions that name no cloud: each has a local cloud of its own, of which nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import journals
from tests.functional.session.suite import Suite
from tests.waiting import SESSION

MARK = "KB_TEST_SESSION"
"""Every process of a session has this in its environment, or the session's folder in its mounts."""


@pytest.mark.nightly
def test_two_at_once_pass_and_leave_nothing(suite: Suite) -> None:
    before = groups()
    scenario = suite.scenario(duration="5s")
    sessions = [Session(suite, scenario, name) for name in ("one", "two")]
    for session in sessions:
        assert session.process.wait(SESSION) == 0, session.log.read_text()
    for session in sessions:
        (record,) = (json.loads(path.read_text()) for path in (session.folder / "reports").glob("*.json"))
        assert record["cloud"] == "embedded local cloud"
        assert "embedded local cloud, not an OpenStack result" in record["notes"]
        assert "embedded local cloud, not an OpenStack result" in session.log.read_text()
        assert list(session.processes()) == []
        assert list((session.folder / "tmp").iterdir()) == []
        assert str(session.folder) not in Path("/proc/self/mounts").read_text()
        assert str(session.folder) not in loop_devices()
        assert all(read(journal).closed for journal in journals(session.folder / "state/kb/runs"))
    assert groups() - before == set()


class Session:
    """One session in a folder of its own, with its temporary files and its state in there."""

    def __init__(self, suite: Suite, scenario: str, name: str) -> None:
        self.folder = suite.folder / name
        self.log = self.folder / "log"
        self.mark = f"{MARK}={uuid.uuid4()}"
        (self.folder / "tmp").mkdir(parents=True)
        own = {"TMPDIR": str(self.folder / "tmp"), "XDG_STATE_HOME": str(self.folder / "state")}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                suite.command(f"--kb-scenario={scenario}"),
                cwd=self.folder,
                env=os.environ | own | dict([self.mark.split("=")]),
                stdout=output,
                stderr=output,
            )

    def processes(self) -> Iterator[str]:
        """Command lines of what is still there of it."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                ours = self.mark.encode() in (process / "environ").read_bytes().split(b"\0")
                if ours or str(self.folder) in (process / "mountinfo").read_text():
                    yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def groups() -> set[str]:
    """Control groups of local clouds whose process is gone."""
    found = Path("/sys/fs/cgroup").glob("**/kb-cloud-*")
    return {str(group) for group in found if not Path("/proc", group.name.split("-")[2]).exists()}


def loop_devices() -> str:
    """The files behind this machine's loop devices."""
    files = Path("/sys/block").glob("loop*/loop/backing_file")
    return "\n".join(file.read_text() for file in files)
