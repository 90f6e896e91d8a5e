from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud import connect, reaper, teardown
from kb_tests.cloud.journal import Journal, read
from kb_tests.errors import CloudAccessError


@pytest.fixture
def torn_down(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the clouds on which something was removed; the one called "down" cannot be reached."""
    names: list[str] = []

    def sign_in(name: str, _clouds_yaml: str | None) -> str:
        if name == "down":
            raise CloudAccessError("It is down.")
        return name

    def tear_down(cloud: str, journal: Journal) -> tuple[Any, ...]:
        names.append(cloud)
        journal.close()
        return ()

    monkeypatch.setattr(connect, "connect", sign_in)
    monkeypatch.setattr(teardown, "tear_down", tear_down)
    return names


def _left(folder: Path, *clouds: str) -> Path:
    """The journal of a run that ended without teardown."""
    first = Journal.start(clouds[0], folder=folder)
    for journal in (first, *(first.beside(cloud) for cloud in clouds[1:])):
        journal.bind(f"http://{journal.header.cloud}.example")
        journal.intend("network", f"kb-{journal.run_id}-client")
    first.release()
    return first.path


def test_a_run_is_reaped_on_each_of_its_clouds(tmp_path: Path, torn_down: list[str]) -> None:
    path = _left(tmp_path, "north", "south")
    reaper.reap(path)
    assert torn_down == ["north", "south"]
    assert all(part.closed for part in read(path).parts)
    reaper.reap(path)
    assert torn_down == ["north", "south"]


def test_a_cloud_that_is_down_keeps_nothing_on_the_other(tmp_path: Path, torn_down: list[str]) -> None:
    path = _left(tmp_path, "down", "south")
    with pytest.raises(CloudAccessError):
        reaper.reap(path)
    assert torn_down == ["south"]
    assert [part.left for part in read(path).parts] == [True, False]


def test_what_never_reached_a_cloud_is_closed(tmp_path: Path, torn_down: list[str]) -> None:
    first = Journal.start("north", folder=tmp_path)
    first.beside("south")
    first.release()
    reaper.reap(first.path)
    assert torn_down == []
    assert all(part.closed for part in read(first.path).parts)
