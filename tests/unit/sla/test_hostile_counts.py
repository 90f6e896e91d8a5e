"""Whatever was counted, in however many windows: no crash, no pass out of nothing, no reward for failing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.sla.achieved import Achieved
from kb_tests.sla.bounds import Share, pooled
from kb_tests.sla.decide import Risk
from kb_tests.sla.tally import Tally
from kb_tests.sla.verdict import Outcome
from tests.unit.fuzz import examples

LIMITS = (1e-6, 0.001, 0.01, 0.5, 0.99, 1 - 1e-9)
ALPHAS = (0.2, 0.05, 0.05 / 18, 1e-9)
PAIRS = st.tuples(st.integers(0, 10**6), st.sampled_from([0, 0, 1, 2, 40, 10**6])).map(
    lambda pair: (min(pair), max(pair)) if pair[1] else (0, 0)
)
WINDOW = st.lists(PAIRS, max_size=20).map(
    lambda pairs: Tally(*map(tuple, zip(*pairs, strict=True)) if pairs else ((), ()))
)
WINDOWS = st.lists(WINDOW, max_size=5)


def outcome(share: Share, limit: float, alpha: float) -> Outcome:
    return Risk(alpha, 1).decide(share.p_below(limit), share.p_above(limit))[0]


@settings(deadline=None, max_examples=examples(50))
@given(WINDOWS, st.sampled_from(LIMITS), st.sampled_from(ALPHAS))
def test_any_counts_have_an_answer(windows: list[Tally], limit: float, alpha: float) -> None:
    share = pooled(windows)
    below, above = share.p_below(limit), share.p_above(limit)
    assert 0 <= below <= 1
    assert 0 <= above <= 1
    assert 0 <= share.lower(alpha) <= share.upper(alpha) <= 1
    decided = outcome(share, limit, alpha)
    if decided is Outcome.PASS:
        assert share.value < limit
        assert sum(count > 0 for window in windows for count in window.due) >= 5
    if decided is Outcome.FAIL:
        assert share.value > limit


@settings(deadline=None, max_examples=examples(50))
@given(WINDOWS, st.data(), st.sampled_from(LIMITS), st.sampled_from(ALPHAS))
def test_more_bad_requests_never_turn_a_fail_into_a_pass(
    windows: list[Tally], data: st.DataObject, limit: float, alpha: float
) -> None:
    worse = [
        Tally(
            tuple(data.draw(st.integers(bad, due)) for bad, due in zip(one.bad, one.due, strict=True)),
            one.due,
        )
        for one in windows
    ]
    if outcome(pooled(windows), limit, alpha) is Outcome.FAIL:
        assert outcome(pooled(worse), limit, alpha) is not Outcome.PASS
    if outcome(pooled(worse), limit, alpha) is Outcome.PASS:
        assert outcome(pooled(windows), limit, alpha) is not Outcome.FAIL


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.integers(0, 1000), min_size=16, max_size=16), st.sampled_from(LIMITS))
def test_two_looks_are_as_one_that_is_as_long_as_both(bad: list[int], limit: float) -> None:
    due = (1000,) * 8
    looks = pooled([Tally(tuple(bad[:8]), due), Tally(tuple(bad[8:]), due)])
    one = pooled([Tally(tuple(bad), due * 2)])
    assert (looks.p_below(limit), looks.p_above(limit)) == (one.p_below(limit), one.p_above(limit))


@pytest.mark.parametrize("batches", [1, 4, 5, 8, 16, 80])
def test_nothing_bad_and_nothing_good(batches: int) -> None:
    good, bad = (pooled([Tally((count,) * batches, (10_000,) * batches)]) for count in (0, 10_000))
    assert outcome(good, 0.01, 0.05) is (Outcome.PASS if batches >= 5 else Outcome.INCONCLUSIVE)
    assert outcome(good, 0.01, 1e-12) is not Outcome.FAIL
    assert outcome(bad, 0.01, 0.05) is Outcome.FAIL
    assert outcome(bad, 0.99, 0.05) is not Outcome.PASS


def test_a_window_in_which_half_of_the_batches_say_nothing_is_as_sure_as_the_others() -> None:
    gaps = pooled([Tally((3, 0) * 8, (1000, 0) * 8)])
    assert (gaps.clusters[0].count, gaps.clusters[0].equal) == (8, 8.0)
    assert gaps.p_below(0.01) == pooled([Tally((3,) * 8, (1000,) * 8)]).p_below(0.01)


def test_all_that_failed_in_one_look_is_not_thinned_by_the_others() -> None:
    """A look in which a tenth failed, among ones without a failure: nobody knows what the next one does."""
    fine, bad = Tally((0,) * 8, (1000,) * 8), Tally((100,) * 8, (1000,) * 8)
    for windows in ([bad, fine, fine], [fine, bad, fine], [fine, fine, bad]):
        assert outcome(pooled(windows), 0.05, 0.05) is Outcome.INCONCLUSIVE


@settings(deadline=None, max_examples=examples(50))
@given(
    st.lists(st.one_of(st.floats(0, 2000), st.just(math.nan), st.just(math.inf)), max_size=40),
    st.sampled_from([0.5, 0.95, 0.999]),
)
def test_a_rate_that_nobody_knows_is_neither_achieved_nor_missed(rates: list[float], limit: float) -> None:
    found = Achieved.of(rates, 1000.0, Share.of([0] * 8, [5000] * 8))
    decided = Risk(0.05, 1).decide(found.p_above(limit), found.p_below(limit))[0]
    if not all(math.isfinite(rate) for rate in rates):
        assert decided is Outcome.INCONCLUSIVE
    if decided is Outcome.PASS:
        assert sum(rates) / len(rates) > limit * 1000
