from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.latency import Latency
from kb_tests.sla.http.sample import Group

TIMEOUT = 1.0
times = st.lists(st.floats(0, 5), max_size=30)


def of(*seconds: float) -> Histogram:
    return Histogram.of(seconds) if seconds else Histogram()


@pytest.mark.parametrize("failed", [901, 1000])
def test_a_cloud_that_fails_fast_is_not_fast(failed: int) -> None:
    good = Histogram.of([0.002], [1000 - failed]) if failed < 1000 else Histogram()
    latency = Latency.of_due(good, due=1000, completed=1000 - failed, timeout=TIMEOUT)
    assert latency.count == 1000
    assert latency.percentile(99) == latency.max == latency.mean == math.inf
    assert latency.share_above(3600) == failed / 1000
    assert latency.percentile(9) == (pytest.approx(0.002, rel=1e-3) if failed == 901 else math.inf)


def test_what_was_given_up_is_no_answer_although_its_time_was_taken() -> None:
    latency = Latency.of_due(of(0.1, 0.2, 1.0, 1.5), due=5, completed=3, timeout=TIMEOUT)
    assert (latency.count, latency.censored) == (5, 2)
    assert latency.percentiles([20, 40, 60, 80]) == [
        pytest.approx(0.1, rel=1e-2),
        pytest.approx(0.2, rel=1e-2),
        pytest.approx(1.5, rel=1e-2),
        math.inf,
    ]


def test_nothing_due_has_no_percentile() -> None:
    nothing = Latency.of_due(Histogram(), due=0, completed=0, timeout=TIMEOUT)
    assert nothing.count == 0
    assert all(map(math.isnan, (nothing.percentile(99), nothing.max, nothing.mean, nothing.share_above(1))))


@given(good=times, given_up=st.lists(st.floats(TIMEOUT, 5), max_size=10), lost=st.integers(0, 20))
def test_percentiles_are_those_that_verdicts_are_made_of(
    good: list[float], given_up: list[float], lost: int
) -> None:
    taken, due = of(*good, *given_up), len(good) + len(given_up) + lost
    latency = Latency.of_due(taken, due=due, completed=len(good), timeout=TIMEOUT)
    assert latency.count == due
    assert latency.censored == len(given_up) + lost
    if due:
        group = Group(due, len(good), taken, TIMEOUT)
        percents = [0.0, 1.0, 50.0, 90.0, 99.0, 100.0]
        assert latency.percentiles(percents) == [group.percentile(percent) for percent in percents]
        whole = of(*good).at_rank(len(good)) if good and not latency.censored else math.inf
        assert latency.max == whole


@given(taken=times, count=st.integers(0, 40), at_least=st.floats(0, 6))
def test_what_is_taken_away_is_the_shortest_beyond_a_time_or_else_the_longest(
    taken: list[float], count: int, at_least: float
) -> None:
    before = of(*taken)
    after = before.without(count, at_least)
    assert after.count == max(0, before.count - count)
    below = before.count_at_most(at_least * 0.99)
    assert after.count_at_most(at_least * 0.99) >= min(below, max(0, before.count - count))
    assert before == of(*taken)
