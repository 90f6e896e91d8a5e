from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kb_tests.agent import clock
from kb_tests.agent.clock import Reading


def test_the_shortest_round_trip_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[float] = iter([0.0, 0.1, 0.2, 0.22, 0.3, 0.35])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    server = iter([100.09, 100.21, 100.34])
    reading = clock.read(lambda: next(server), samples=3)
    assert reading.offset == pytest.approx(100.0)
    assert reading.error == pytest.approx(0.01)
    assert reading.at == 0.22


@pytest.mark.parametrize(
    ("round_trip", "until", "taken"),
    [(0.01, 1e9, 12), (0.4, 1e9, 2), (3.0, 1e9, 1), (0.1, 0.35, 3), (1.0, -5.0, 1)],
)
def test_no_more_round_trips_than_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch, round_trip: float, until: float, taken: int
) -> None:
    now = [0.0]

    def server() -> float:
        now[0] += round_trip
        return now[0]

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock.read(server, until=until)
    assert now[0] == pytest.approx(taken * round_trip)


def test_a_clock_that_stood_still_fell_behind() -> None:
    before, after = Reading(100.0, 0.001, 10.0), Reading(102.5, 0.002, 40.0)
    assert clock.change(before, after) == {"seconds": 2.5, "error": 0.003, "elapsed": 30.0}


def test_a_fresh_and_closer_reading_is_kept_while_they_agree() -> None:
    old, new = Reading(100.0, 0.001, 0.0), Reading(100.004, 0.005, 10.0)
    assert clock.better(old, new) is old
    assert clock.better(Reading(100.0, 0.01, 0.0), new) is new, "the new one is closer"
    assert clock.better(old, Reading(100.004, 0.005, 60.0)).at == 60.0, "clocks drift"
    assert clock.better(old, Reading(3700.0, 0.005, 1.0)).offset == 3700.0, "the server's clock jumped"
