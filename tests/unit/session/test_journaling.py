"""A run's end, on one cloud and on two."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.cloud import reaper
from kb_tests.cloud.account import Account
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import Journal, path_of
from kb_tests.errors import CloudAccessError, LeakError
from kb_tests.events.bus import Bus
from kb_tests.events.model import Leaked, Outcome, Problem
from kb_tests.session import journaling, outbox
from kb_tests.session.keys import BUS, INTERRUPTS, RECORDS
from kb_tests.session.outbox import Outbox
from kb_tests.session.target import Target

RUN = "01234567"


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Exception]:
    """{cloud: what its teardown raises}; journals are in a folder of the test's own."""
    wrong: dict[str, Exception] = {}

    def tear_down(cloud: Any, journal: Journal, *_: object) -> None:
        if cloud.name in wrong:
            raise wrong[cloud.name]
        journal.close()

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(journaling, "tear_down", tear_down)
    monkeypatch.setattr(reaper, "start", lambda *_: SimpleNamespace(release=lambda wait: None))
    return wrong


def _ended(*names: str) -> list[Outcome]:
    """What a run on these clouds had to say when it ended."""
    events = Outbox()
    interrupts = SimpleNamespace(deferred=lambda _: nullcontext())
    stash = {BUS: Bus([events]), INTERRUPTS: interrupts, RECORDS: {names[0]: Path("reports/01234567.json")}}
    config = cast("pytest.Config", SimpleNamespace(stash=stash))
    clouds = [SimpleNamespace(name=name, clouds_yaml=None, now=lambda: 1e9) for name in names]
    target = cast("Target", SimpleNamespace(cloud=names[0], scenario=SimpleNamespace(name="small")))
    progress = cast("Any", SimpleNamespace(step=lambda *_: None, removed=lambda *_: None))
    try:
        with journaling.journaled(config, target, cast("Any", clouds), RUN, progress) as journals:
            for journal in journals:
                journal.bind(Account(f"http://{journal.header.cloud}.example"))
    except pytest.fail.Exception:
        assert events
    return outbox.read(events.drain())


def test_what_cannot_be_removed_on_one_cloud_is_told_after_the_other_was_cleared(
    failures: dict[str, Exception],
) -> None:
    failures["north"] = LeakError("A network stays on north.")
    assert _ended("north", "south") == [Leaked(cloud="north", resources=("A network stays on north.",))]
    assert [part.left for part in read(path_of(RUN)).parts] == [True, False]


def test_each_cloud_has_its_own_say(failures: dict[str, Exception]) -> None:
    failures["north"] = CloudAccessError("north is down.")
    failures["south"] = LeakError("A network stays on south.")
    assert _ended("north", "south") == [
        Problem(cloud="north", sentence="north is down."),
        Leaked(cloud="north", resources=("A network stays on south.",)),
    ]


@pytest.mark.parametrize("names", [("north",), ("north", "south")])
def test_a_run_that_ends_well_leaves_a_closed_journal(
    failures: dict[str, Exception], names: tuple[str, ...]
) -> None:
    assert not failures
    assert _ended(*names) == []
    assert [part.closed for part in read(path_of(RUN)).parts] == [True] * len(names)
