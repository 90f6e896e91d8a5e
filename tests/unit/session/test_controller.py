"""What the controller makes of an interrupt, and of a worker that crashed."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.events.bus import Bus
from kb_tests.report.point import PointStatus
from kb_tests.session.controller import Controller
from kb_tests.session.keys import ATTEMPTS, BUS, INTERRUPTS, OUTBOX
from kb_tests.session.run import Run
from tests.unit.report import build


class XdistInterrupted(KeyboardInterrupt):
    """As xdist raises it."""


XdistInterrupted.__module__ = "xdist.dsession"


@pytest.mark.parametrize(
    ("most", "error", "stopped"),
    [
        (None, KeyboardInterrupt(), False),  # pytest's default
        (0, KeyboardInterrupt(), False),
        (1, KeyboardInterrupt(), False),
        (1, XdistInterrupted(), True),
        (2, XdistInterrupted(), False),
        (None, XdistInterrupted(), False),
    ],
)
def test_only_an_interrupt_that_xdist_made_of_a_failure_is_a_stop(
    most: int | None, error: BaseException, stopped: bool
) -> None:
    config = cast(
        "Any", SimpleNamespace(option=SimpleNamespace(collectonly=False), getoption={"maxfail": most}.get)
    )
    controller = Controller(config, cast("Any", None))
    controller._failures = 1
    controller.pytest_keyboard_interrupt(pytest.ExceptionInfo.from_exc_info((type(error), error, None)))  # type: ignore[arg-type]
    assert controller._stopped is stopped


@pytest.mark.parametrize(("judged", "told"), [(False, ["lost"]), (True, [])])
def test_whoever_watches_is_told_of_a_point_that_was_lost_with_its_worker(
    judged: bool, told: list[str]
) -> None:
    """The worker that ran it can tell nothing any more, and the record is not what is watched."""
    point = build.judged() if judged else build.without(PointStatus.NOT_RUN, "The session ended before it.")
    run = Run.__new__(Run)
    vars(run).update(
        _said=set(),
        _loads={"test": SimpleNamespace(target=SimpleNamespace(cloud="north"))},
        _records={"north": SimpleNamespace(change=lambda _: None)},
        point_of=lambda _: (object(), point),
        _write=lambda _: None,
        take=lambda _: None,
    )
    seen: list[Any] = []
    bus = Bus([cast("Any", SimpleNamespace(handle=seen.append))])
    stash = {BUS: bus, OUTBOX: SimpleNamespace(drain=lambda: "")}
    controller = Controller(
        cast("Any", SimpleNamespace(stash=stash, option=SimpleNamespace(collectonly=False))), run
    )
    crashed = pytest.TestReport("test", ("", 0, ""), {}, "failed", "worker 'gw0' crashed", "???")  # type: ignore[arg-type]
    controller.pytest_runtest_logreport(crashed)
    assert [event.status for event in seen] == told
    assert all((event.point, event.cloud) == (point.id, "north") for event in seen)
    assert all("gw0" in event.reason for event in seen)


@pytest.mark.parametrize(("asked", "ended"), [(False, ([0], 1)), (True, ([], 0))], ids=["runs", "collects"])
def test_whether_a_session_only_collects_is_told_at_its_beginning(
    asked: bool, ended: tuple[list[int], int]
) -> None:
    """A plugin that says so at the end makes no red run green."""
    given: list[int] = []

    def finish(status: int, **_: object) -> int:
        given.append(status)
        return 1

    run: Any = SimpleNamespace(
        take=lambda _: None,
        written=lambda: ["a record"],
        take_untold=lambda _: None,
        left=lambda _: [],
        staged=dict,
        mistakes=(),
        left_out=False,
        finish=finish,
    )
    options = {"kb_inconclusive": "fail", "kb_keep": False}
    stash = {
        OUTBOX: SimpleNamespace(drain=lambda: ""),
        ATTEMPTS: SimpleNamespace(untold=dict),
        INTERRUPTS: SimpleNamespace(count=0, deferred=lambda _: nullcontext()),
    }
    config: Any = SimpleNamespace(
        stash=stash, option=SimpleNamespace(collectonly=asked), getoption=options.get
    )
    session: Any = SimpleNamespace(exitstatus=0, shouldfail=False, config=config)
    controller = Controller(config, run)
    config.option.collectonly = True
    wrapper = controller.pytest_sessionfinish(session)
    next(wrapper)
    with pytest.raises(StopIteration):
        next(wrapper)
    assert (given, session.exitstatus) == ended
