"""The seconds of a window: each is told once, however late fio's answers at its beginning come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from kb_tests.agent.storage.effort import Share
from kb_tests.agent.storage.options import Job
from kb_tests.agent.storage.output import Direction, Snapshot
from kb_tests.agent.storage.window import Window

JOB = Job("randread", 4096, 1, 1, 2.0, 100.0, (), 1.0, 4.0, 1.0, 3.0)
BEGIN = 2.0


def seconds(ends: Iterable[float]) -> list[dict[str, Any]]:
    """What is told of the seconds whose ends fio answers at such moments, from its start at 0."""
    told: list[dict[str, Any]] = []
    window = Window(JOB, BEGIN, lambda message: told.append(message) if "second" in message else None)
    nothing = Direction(0, {})
    for at in ends:
        window.take(Snapshot(at, at, Direction(0, {1: round(at * 100)}), nothing, nothing, 0))
    return [message["second"] for message in told]


@given(st.floats(0.98, 2.0 - 0.021), st.floats(-0.02, 0.4))
@example(1.7, 0.03)
@example(1.51, 0.03)
def test_each_second_is_told_once_if_the_ramp_s_last_answer_and_the_first_of_the_window_are_late(
    ramp: float, late: float
) -> None:
    told = seconds([ramp, BEGIN + late, 3.0, 4.0, 5.0, 6.0])
    assert len({second["index"] for second in told}) == len(told)
    inside = [second for second in told if second["index"] >= 0]
    assert [second["index"] for second in inside] == [0, 1, 2, 3]
    assert inside[0]["begin"] == round(late, 4)
    assert [before["end"] for before in inside[:-1]] == [after["begin"] for after in inside[1:]]


def test_a_second_tells_how_late_and_how_busy_fio_was_where_that_is_known() -> None:
    told: list[dict[str, Any]] = []
    window = Window(JOB, BEGIN, lambda message: told.append(message) if "second" in message else None)
    nothing = Direction(0, {})
    for at, share in ((2.0, Share(9.0, 9.0)), (3.0, Share(0.25, 0.5)), (5.0, Share(0.0, 0.5)), (6.0, None)):
        window.take(Snapshot(at, at, nothing, nothing, nothing, 0), share)
    shown = [{key: one["second"].get(key) for key in ("lag", "cpu")} for one in told]
    assert shown == [{"lag": 0.25, "cpu": 0.5}, {"lag": 0.0, "cpu": 0.25}, {"lag": None, "cpu": None}]
