from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.cloud import connect, lease, reaper, teardown
from kb_tests.cloud.account import Account
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import KEPT_SECONDS, Journal
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
        journal.bind(Account(f"http://{journal.header.cloud}.example"))
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


class Watched:
    """A run that a reaper watches, and the lease that its cloud shows; time passes by sleeping alone."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.began = time.time()
        self.lease = 0.0
        self.torn_down: list[float] = []
        self.reached = True
        self.comes: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.path = _left(folder, "north")
        clock = SimpleNamespace(time=lambda: self.now, sleep=self._sleep)
        monkeypatch.setattr(reaper, "time", clock)
        monkeypatch.setattr(connect, "connect", self._connect)
        monkeypatch.setattr(lease, "until", lambda _cloud, _journal: self.lease)
        monkeypatch.setattr(teardown, "tear_down", self._tear_down)

    @contextmanager
    def opened(self) -> Iterator[Journal]:
        journal = Journal.open(self.path)
        yield journal
        journal.release()

    def reap(self) -> bool:
        """Watch it to its end."""
        return reaper.watch(self.path, reaper.once, nap=600.0)

    def hours(self) -> list[float]:
        """When something was torn down, since the beginning."""
        return [round((at - self.began) / 3600, 1) for at in self.torn_down]

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()

    def _connect(self, name: str, _clouds_yaml: str | None) -> Any:
        if not self.reached:
            raise CloudAccessError("It is down.")
        return SimpleNamespace(name=name, now=lambda: self.now)

    def _tear_down(self, _cloud: Any, journal: Journal) -> tuple[Any, ...]:
        self.torn_down.append(self.now)
        if self.now < max(self.comes, default=0.0):
            journal.unsettle(max(self.comes))
        else:
            journal.close()
        return ()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


def test_a_kept_topology_ends_when_its_time_is_over(watched: Watched) -> None:
    with watched.opened() as journal:
        journal.keep(watched.now + KEPT_SECONDS)
    assert watched.reap()
    assert watched.hours() == [24.0]
    assert read(watched.path).closed


def test_one_that_was_used_again_ends_a_day_after_that(watched: Watched) -> None:
    with watched.opened() as journal:
        journal.keep(watched.now + KEPT_SECONDS)
    watched.lease = watched.began + 30 * 3600.0  # as the cloud knows, though no line of the journal does
    users: list[Journal] = []

    def use() -> None:
        if 20 * 3600 < watched.now - watched.began < 31 * 3600 and not users:
            users.append(Journal.open(watched.path))
        elif watched.now - watched.began > 31 * 3600 and users:
            users.pop().release()

    watched.meanwhile = use
    assert watched.reap()
    assert watched.hours() == [31.0]


def test_one_that_somebody_ends_earlier_is_waited_for_no_longer(watched: Watched) -> None:
    with watched.opened() as journal:
        journal.keep(watched.now + KEPT_SECONDS)

    def end() -> None:
        with watched.opened() as journal:
            journal.close()

    watched.meanwhile = end
    assert watched.reap()
    assert (watched.hours(), watched.now - watched.began <= 600) == ([], True)


def test_what_may_yet_come_is_looked_for_again_until_it_cannot(watched: Watched) -> None:
    watched.comes = [watched.now + 600.0]
    assert watched.reap()
    assert 4 <= len(watched.torn_down) <= 8
    assert read(watched.path).closed


def test_a_cloud_that_is_down_is_tried_again_and_given_up_at_last(watched: Watched) -> None:
    watched.reached = False
    assert not watched.reap()
    assert 1800 < watched.now - watched.began < 4 * 3600
    assert read(watched.path).left
    watched.reached = True
    assert watched.reap()
    assert read(watched.path).closed


def test_a_run_whose_journal_is_gone_needs_no_reaper(tmp_path: Path) -> None:
    assert reaper.watch(tmp_path / "journal.jsonl")
