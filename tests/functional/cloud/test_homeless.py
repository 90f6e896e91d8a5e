"""A user without a home, as in many containers: everything works, or one sentence says what to set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kb_tests.cloud import journal
from kb_tests.errors import CloudError
from kb_tests.localcloud import control

HOMELESS = """
import pathlib, sys
def no_home(cls=None):
    raise RuntimeError("Could not determine home directory.")
pathlib.Path.home = no_home
from kb_tests.cli import main
sys.exit(main())
"""


def kb(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HOMELESS, *arguments],
        cwd=environment.get("XDG_STATE_HOME"),  # doctor tries whether reports/ can be written
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cleanup_and_doctor_work(local: control.Running, tmp_path: Path) -> None:
    there = {"OS_CLIENT_CONFIG_FILE": str(local.clouds_yaml), "XDG_STATE_HOME": str(tmp_path)}
    ended = kb("doctor", "--cloud", local.cloud, **there)
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = kb("cleanup", "--cloud", local.cloud, **there)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_local_cloud_says_what_to_set(tmp_path: Path) -> None:
    ended = kb("localcloud", "status")
    assert ended.returncode == 1
    assert ended.stderr == "This user has no home: name a folder with --state, or in XDG_STATE_HOME.\n"
    assert kb("localcloud", "status", "--state", str(tmp_path)).stderr == ""


def test_a_journal_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(CloudError, match=r"No journal can be made in .* Set XDG_STATE_HOME"):
        journal.check_folder()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new"))
    journal.check_folder()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
