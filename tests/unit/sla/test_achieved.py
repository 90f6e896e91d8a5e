"""An achieved rate is as sure as its batches of time and the number of what was missed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.sla.achieved import Achieved, needed
from kb_tests.sla.bounds import Clusters, Share, batches

RUNS = 1500


def achieved(lost: Sequence[int], each: int = 400) -> Achieved:
    """So many of `each` requests are lost in each second."""
    parts = batches(len(lost))
    share = Share.of(
        [int(sum(lost[part])) for part in parts], [each * (part.stop - part.start) for part in parts]
    )
    return Achieved.of([float(each - one) for one in lost], float(each), share)


@pytest.mark.parametrize("seconds", [5, 8, 30])
@pytest.mark.parametrize(("missed", "bursts"), [(10, 1.0), (24, 1.0), (10, 0.5), (24, 0.5)])
def test_a_rate_kept_but_for_a_few_passes_its_own_value_no_more_often_than_is_said(
    seconds: int, missed: int, bursts: float
) -> None:
    """Student's t alone passed up to 9 % of these: few of them make the mean high and the spread small."""
    random = np.random.default_rng(7)
    passed = 0
    for _ in range(RUNS):
        on = (random.random(seconds) < bursts) / bursts
        found = achieved([int(one) for one in random.poisson(missed / seconds * on)])
        passed += found.p_above(1 - missed / seconds / 400) <= 0.05
    assert passed / RUNS < 0.06


def test_too_few_were_due_to_show_a_small_share_of_them_missed() -> None:
    """Not one of 300 was missed: that may be luck where 1 % is."""
    assert achieved([0] * 30, 10).p_above(0.99) > 0.05
    assert achieved([0] * 30, 10).p_above(0.95) < 1e-3
    assert achieved([0] * 30, 100).p_above(0.99) < 1e-3


@pytest.mark.parametrize("count", [3, 8])
def test_needed_is_where_none_missed_begins_to_pass(count: int) -> None:
    need = needed(0.02, 0.01, [Clusters(count, 0.0)])
    for each, passes in ((-(-need // count), True), (need // count - 1, False)):
        assert (achieved([0] * count, round(each))._so_few(0.02) <= 0.01) is passes
    assert needed(0.02, 0.01, [Clusters(2, 0.0)]) == float("inf")


def test_a_disk_that_is_ahead_in_one_second_and_behind_in_the_next_loses_nothing() -> None:
    found = Achieved.of([102.0, 98.0] * 15, 100.0, Share.of([0] * 8, [375] * 8))
    assert found.p_above(0.95) < 1e-6


@given(
    st.lists(st.floats(0, 1e6), min_size=0, max_size=40),
    st.floats(0.5, 1e6),
    st.floats(0.01, 0.999),
    st.floats(1e-6, 0.3),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 10**6)), max_size=8),
)
def test_bounds_and_decision_say_the_same(
    rates: list[float], offered: float, limit: float, alpha: float, parts: list[tuple[int, int]]
) -> None:
    lost = Share.of([bad for bad, _ in parts], [bad + good for bad, good in parts])
    found = Achieved.of(rates, offered, lost)
    p_pass, (low, high) = found.p_above(limit), found.bounds(alpha)
    assert 0 <= p_pass <= 1
    assert 0 <= low <= high
    if p_pass < alpha * 0.99:
        assert low > limit - 1e-6
    if p_pass > alpha * 1.01:
        assert low < limit + 1e-6
