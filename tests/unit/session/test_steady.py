"""Rounds until a storage point is steady: when they end, and what they come to together."""

from __future__ import annotations

import pytest

from kb_tests.fleet.storage.messages import StorageReport
from kb_tests.measure.storage.rounds import joined
from kb_tests.measure.storage.validity import validity
from kb_tests.scenario.storage import StoragePoint
from kb_tests.session.storage.steady import run_until_steady
from tests.unit.measure.io_reports import block, point, report, second

STEADY = point(rate=0.0, duration=30.0, max_duration=120.0, steady=True)


def one_round(each: int, agent: str = "storage-0") -> StorageReport:
    """6 s in three blocks, begun a little late, as fio does."""
    blocks = [block(i, 2.0 * i + 0.01, 2.0 * i + 2.01, [0.001] * each) for i in range(3)]
    seconds = tuple(second(i, each // 2, 0, i + 0.01, i + 1.01) for i in range(6))
    return report(blocks, agent=agent, seconds=seconds, begin=0.01, end=6.01, stalls=[(3.0, 0.5)])


def test_rounds_go_on_until_five_in_a_row_are_alike() -> None:
    rates = iter([400, 300, 200, 200, 205, 200, 198, 200, 200])
    asked: list[StoragePoint] = []

    def run(part: StoragePoint) -> list[StorageReport]:
        asked.append(part)
        return [one_round(next(rates))]

    measured = run_until_steady(STEADY, run)
    assert measured.steady is True
    assert len(asked) == 7
    assert {part.duration for part in asked} == {6.0}
    assert [part.ramp for part in asked] == [2.0] + [1.0] * 6
    assert measured.read.ios == 3 * (200 + 200 + 205 + 200 + 198)
    assert measured.iops.read == pytest.approx(measured.read.ios / 30)
    assert not validity(STEADY, measured)
    assert [one.at for one in measured.seconds] == [float(at) for at in range(30)]
    assert len(measured.blocks) == 15


def test_what_never_becomes_steady_ends_at_the_longest_duration_and_says_so() -> None:
    rates = iter(range(1000, 100, -30))
    measured = run_until_steady(STEADY, lambda _: [one_round(next(rates))])
    assert measured.steady is False
    assert next(rates) == 1000 - 20 * 30
    assert not validity(STEADY, measured)


def test_a_server_that_falls_out_ends_the_rounds() -> None:
    gone = StorageReport("storage-0", "h", 0.0, (), (), None, "it fell silent")
    rounds = iter([[one_round(200)], [gone]])
    measured = run_until_steady(STEADY, lambda _: next(rounds))
    assert measured.missing == {"storage-0": "it fell silent"}
    assert validity(STEADY, measured)


def test_stalls_keep_their_place_when_rounds_are_joined() -> None:
    whole = joined([one_round(200)] * 5)
    assert whole.done is not None
    assert [at for at, _ in whole.done.stalls] == pytest.approx([3.0, 9.0, 15.0, 21.0, 27.0])
    assert (whole.done.begin, whole.done.blocks) == (0.01, 15)
    assert whole.done.end == pytest.approx(30.01)
