"""A run on the embedded cloud: its journal is closed with it, and it stays no longer than its topology."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from kb_tests.cloud import embedded, reaper
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import TOPOLOGY_FILE, Journal
from kb_tests.cloud.kept import kept_runs
from kb_tests.localcloud.state_dir import StateDir


class Cloud:
    """The folder of a cloud that lives, as its process would hold it."""

    def __init__(self) -> None:
        self.folder = embedded.new_folder()
        self.folder.mkdir(parents=True)
        self.yaml = self.folder / "clouds.yaml"
        self.lock: IO[str] = (self.folder / "lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def end(self) -> None:
        """However it ends."""
        self.lock.close()


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = Cloud()
    yield found
    found.end()


def kept(cloud: Cloud) -> Path:
    """The journal of a run that is kept there, and that nobody holds."""
    journal = Journal.start("kb-local", clouds_yaml=cloud.yaml, embedded=True)
    topology = journal.path.with_name(TOPOLOGY_FILE)
    topology.write_text('{"kind": "http", "topology": {"servers": [1], "clients": [1]}}')
    embedded.hold(journal)
    journal.keep(time.time() + 1000)
    journal.release()
    return journal.path


def test_it_stays_as_long_as_what_is_kept_on_it_is_renewed_and_not_ended(cloud: Cloud) -> None:
    state = StateDir(cloud.folder)
    assert not state.stays(60)
    path = kept(cloud)
    assert state.stays(60)
    os.utime(path.with_name(TOPOLOGY_FILE), (0, 0))
    assert not state.stays(60)
    journal = Journal.open(path)
    journal.keep(time.time() + 1000)
    assert state.stays(60)
    journal.close()
    assert not state.stays(60)


def test_a_run_whose_cloud_has_ended_is_over(cloud: Cloud) -> None:
    path = kept(cloud)
    assert [(run.clouds, run.servers) for run in kept_runs()] == [(("",), 3)]
    assert not embedded.forget(path)
    cloud.end()
    assert list(kept_runs()) == []
    reaper.reap(path)
    assert not path.with_name(TOPOLOGY_FILE).exists()
    assert not cloud.folder.exists()
    assert read(path).closed
    assert embedded.forget(path), "as often as anybody says so"


def test_a_run_on_a_cloud_of_its_own_is_never_forgotten(cloud: Cloud) -> None:
    journal = Journal.start("mine", clouds_yaml=cloud.yaml)
    journal.release()
    cloud.end()
    assert not embedded.forget(journal.path)
    assert cloud.folder.exists()


def test_what_is_left_of_killed_clouds_goes_and_of_no_others(cloud: Cloud) -> None:
    killed, begins = embedded.new_folder(), embedded.new_folder()
    for folder in (killed, begins):
        folder.mkdir()
    for folder in (killed, cloud.folder):
        os.utime(folder, (0, 0))
    embedded.prune()
    assert sorted(embedded.folders().iterdir()) == sorted([cloud.folder, begins])
