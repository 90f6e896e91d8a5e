from __future__ import annotations

import itertools
import math
import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.agent.http.load import Load, LoadError, Schedule, Share

HTTP: dict[str, Any] = {
    "rate": 1000.0,
    "connections": 10,
    "path": "/1024",
    "size": 1024,
    "port": 80,
    "keep_alive": True,
    "warm_up": 5.0,
    "duration": 30.0,
    "timeout": 5.0,
    "block": 10.0,
    "tls": False,
}


@pytest.mark.parametrize(
    "change",
    [
        {"rate": -1},
        {"rate": float("nan")},
        {"rate": float("inf")},
        {"rate": None},
        {"connections": 0},
        {"connections": 60_001},
        {"path": "1024"},
        {"size": -1},
        {"size": (1 << 40) + 1},
        {"size": "page"},
        {"path": "/a b"},
        {"path": "/a\r\nX: y"},
        {"path": "/ü"},
        {"port": 0},
        {"port": 65_536},
        {"duration": 0},
        {"duration": float("nan")},
        {"timeout": 0},
        {"block": 0},
        {"warm_up": -1},
    ],
)
def test_options_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LoadError):
        Load.of("192.0.2.1", HTTP | change)


@pytest.mark.parametrize("target", ["", "example.com", "192.0.2", "::1"])
def test_the_target_is_an_ipv4_address(target: str) -> None:
    with pytest.raises(LoadError):
        Load.of(target, HTTP)


def test_a_missing_option_is_refused() -> None:
    with pytest.raises(LoadError, match="rate"):
        Load.of("192.0.2.1", {key: value for key, value in HTTP.items() if key != "rate"})


def test_requests() -> None:
    assert Load.of("192.0.2.1", HTTP).request() == b"GET /1024 HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n"
    other = Load.of("192.0.2.1", HTTP | {"keep_alive": False, "port": 8080})
    assert other.request() == b"GET /1024 HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nConnection: close\r\n\r\n"


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 64))
def test_shares_add_up(connections: int, workers: int) -> None:
    shares = Share.split(connections, workers)
    assert sum(share.connections for share in shares) == connections
    assert all(share.connections for share in shares)
    assert [share.number for share in shares] == [*range(min(connections, workers))]


def of_workers(rate: float, warm_up: float, duration: float, workers: int, seed: int) -> list[Schedule]:
    """Those of all workers of an agent, whose load begins at 50,000 s."""
    load = Load.of("192.0.2.1", HTTP | {"rate": rate, "warm_up": warm_up, "duration": duration})
    return [Schedule.of(load, share, 50_000.0, seed) for share in Share.split(10, workers)]


@settings(deadline=None)
@given(st.floats(0.1, 50_000), st.integers(1, 7), st.integers(0), st.floats(0, 10), st.floats(0.1, 10))
def test_workers_together_send_evenly_and_as_often_as_the_rate_says(
    rate: float, workers: int, seed: int, warm_up: float, duration: float
) -> None:
    schedules = of_workers(rate, warm_up, duration, workers, seed)
    firsts = [schedule.due(0) for schedule in schedules]
    assert min(firsts) >= 50_000.0 - 1e-5
    assert all(b - a == pytest.approx(1 / rate, abs=1e-9) for a, b in itertools.pairwise(firsts))
    assert {schedule.begin for schedule in schedules} == {50_000.0 + warm_up}
    measured = sum(schedule.before(schedule.end) - schedule.before(schedule.begin) for schedule in schedules)
    assert abs(measured - rate * duration) <= 1.001


@settings(deadline=None)
@given(st.integers(1, 500), st.floats(0.5, 10), st.integers(1, 7), st.integers(0), st.floats(0, 10))
def test_a_window_has_what_its_rate_says_whatever_the_warm_up(
    due: int, duration: float, workers: int, seed: int, warm_up: float
) -> None:
    """10 a second over 24 generators are 25 each in a minute, and no whole number in a warm-up of 5 s."""
    rate = due / duration
    schedules = of_workers(rate, warm_up, duration, workers, seed)
    measured = sum(schedule.before(schedule.end) - schedule.before(schedule.begin) for schedule in schedules)
    assert measured == due
    assert sum(schedule.before(schedule.begin) for schedule in schedules) == pytest.approx(
        rate * warm_up, abs=1.001
    )


@settings(deadline=None)
@given(st.integers(1, 5_000), st.integers(1, 7), st.integers(0), st.integers(0, 10), st.integers(1, 10))
def test_whole_seconds_have_exactly_the_rate(
    rate: int, workers: int, seed: int, warm_up: int, duration: int
) -> None:
    schedules = of_workers(rate, warm_up, duration, workers, seed)
    seconds = [50_000.0 + at for at in range(warm_up + duration + 1)]
    counts = [sum(schedule.before(second) for schedule in schedules) for second in seconds]
    assert [b - a for a, b in itertools.pairwise(counts)] == [rate] * (warm_up + duration)


@settings(deadline=None)
@given(st.floats(0.1, 50_000), st.integers(0), st.floats(-1, 20))
def test_before_counts_exactly_the_due_times_that_the_worker_computes(
    rate: float, seed: int, after: float
) -> None:
    schedule = Schedule.of(Load.of("192.0.2.1", HTTP | {"rate": rate}), Share(0, 1, 1), 50_000.0, seed)
    time = min(50_000.0 + after, schedule.end)
    k = schedule.before(50_000.0 + after)
    assert schedule.due(k) >= time
    assert k == 0 or schedule.due(k - 1) < time


@settings(deadline=None)
@given(st.floats(0.1, 2_000), st.integers(1, 3), st.integers(0))
def test_each_request_is_due_within_a_slot_of_its_own(rate: float, workers: int, seed: int) -> None:
    load = Load.of("192.0.2.1", HTTP | {"rate": rate})
    shares = Share.split(3, workers)
    schedules = [Schedule.of(load, share, 50_000.0, seed) for share in shares]
    for share, schedule in zip(shares, schedules, strict=True):
        for k in range(schedule.before(schedule.end)):
            slot = schedule.begin + (share.number + k * share.workers - math.floor(rate * 5 + 1e-6)) / rate
            assert slot - 1e-6 <= schedule.due(k) <= slot + 1 / rate + 1e-6


@pytest.mark.parametrize("rate", [1, 20, 150])
@pytest.mark.parametrize("every", [1.0, 0.1])
def test_no_run_meets_what_comes_around_always_or_never(rate: int, every: float) -> None:
    """Something that lasts for a tenth of a slot each `every` seconds: a period of a quota, a report."""
    load = Load.of("192.0.2.1", HTTP | {"rate": rate, "warm_up": 0, "duration": 60})

    def met(seed: int) -> float:
        schedule = Schedule.of(load, Share(0, 1, 1), 50_000.0, seed)
        due = [schedule.due(k) - 50_000.0 for k in range(schedule.before(schedule.end))]
        turns = 60 / every if rate * every > 1 else len(due)
        return sum(time % every < 0.1 / max(rate, 1 / every) for time in due) / turns

    shares = [met(seed) for seed in range(100)]
    assert statistics.mean(shares) == pytest.approx(0.1, abs=0.02)
    assert max(shares) < 0.4


def test_a_closed_loop_has_no_schedule() -> None:
    schedule = Schedule.of(Load.of("192.0.2.1", HTTP | {"rate": 0}), Share(0, 1, 1), 50_000.0)
    assert schedule.interval == 0
    assert schedule.before(schedule.end) == 0
