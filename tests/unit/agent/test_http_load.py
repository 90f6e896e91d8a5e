from __future__ import annotations

import itertools
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


@settings(deadline=None)
@given(st.floats(0.1, 50_000), st.integers(1, 7), st.floats(0, 0.999), st.floats(0, 10), st.floats(0.1, 10))
def test_workers_together_send_evenly_and_as_often_as_the_rate_says(
    rate: float, workers: int, phase: float, warm_up: float, duration: float
) -> None:
    load = Load.of("192.0.2.1", HTTP | {"rate": rate, "warm_up": warm_up, "duration": duration})
    schedules = [Schedule.of(load, share, 50_000.0, phase) for share in Share.split(10, workers)]
    firsts = [schedule.first for schedule in schedules]
    assert all(b - a == pytest.approx(1 / rate, abs=1e-9) for a, b in itertools.pairwise(firsts))
    assert {schedule.begin for schedule in schedules} == {50_000.0 + warm_up}
    measured = sum(schedule.before(schedule.end) - schedule.before(schedule.begin) for schedule in schedules)
    assert abs(measured - rate * duration) <= 1.001


@settings(deadline=None)
@given(st.floats(0.1, 50_000), st.floats(0, 0.999), st.floats(-1, 20))
def test_before_counts_exactly_the_due_times_that_the_worker_computes(
    rate: float, phase: float, after: float
) -> None:
    schedule = Schedule.of(Load.of("192.0.2.1", HTTP | {"rate": rate}), Share(0, 1, 1), 50_000.0, phase)
    k = schedule.before(50_000.0 + after)
    assert schedule.first + k * schedule.interval >= 50_000.0 + after
    assert k == 0 or schedule.first + (k - 1) * schedule.interval < 50_000.0 + after


def test_a_closed_loop_has_no_schedule() -> None:
    schedule = Schedule.of(Load.of("192.0.2.1", HTTP | {"rate": 0}), Share(0, 1, 1), 50_000.0)
    assert schedule.interval == 0
    assert schedule.before(schedule.end) == 0
