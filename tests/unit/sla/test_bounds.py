"""Bounds agree with textbook figures where there are some, and err on the safe side elsewhere."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kb_tests.sla import bounds
from kb_tests.sla.bounds import Clusters, Mean, Share, batches, gamma_shape, needed


def test_batches_join_neighbours_evenly() -> None:
    assert batches(0) == []
    assert batches(3) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    lengths = [part.stop - part.start for part in batches(30)]
    assert sum(lengths) == 30
    assert len(lengths) == 8
    assert max(lengths) - min(lengths) <= 1


def test_without_spread_it_is_the_poisson_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LEAST_SPREAD", 1e-4)
    share = Share.of([4] * 8, [1000] * 8)
    assert share.upper(0.05) == pytest.approx(stats.chi2.ppf(0.95, 2 * 33) / 2 / 8000, rel=1e-3)
    assert share.lower(0.05) == pytest.approx(stats.chi2.ppf(0.05, 2 * 32) / 2 / 8000, rel=1e-3)
    assert needed(0.01, 0.05, share.clusters) == pytest.approx(300, abs=1)


def test_is_the_negative_binomial_distribution() -> None:
    share = Share.of([3, 1, 0, 2, 0], [400] * 5)
    shape = gamma_shape(0.01, share.clusters)
    reference = stats.nbinom(shape, shape / (shape + 2000 * 0.01))
    assert share.p_below(0.01) == pytest.approx(reference.cdf(6))
    assert share.p_above(0.01) == pytest.approx(reference.sf(5))


def test_more_spread_or_fewer_batches_mean_wider_bounds() -> None:
    even, uneven = Share.of([10] * 8, [1000] * 8), Share.of([0] * 7 + [80], [1000] * 8)
    few = Share.of([20] * 4, [2000] * 4)
    assert uneven.clusters[0].variation == pytest.approx(8, rel=0.1)
    assert even.clusters[0].variation == 0
    for wide in (uneven, few):
        assert wide.upper(0.05) > even.upper(0.05)
        assert wide.lower(0.05) < even.lower(0.05)


def test_agents_count_from_eight_on() -> None:
    time = ([16] * 8, [1000] * 8)
    seven = Share.of(*time, [128, *[0] * 6], [1000] * 7)
    eight = Share.of(*time, [128, *[0] * 7], [1000] * 8)
    assert len(seven.clusters) == 1
    assert len(eight.clusters) == 2
    assert eight.upper(0.05) > 2 * seven.upper(0.05)


def test_too_few_batches_show_nothing_good_but_may_show_what_is_bad() -> None:
    share = Share.of([0, 0], [100_000, 100_000])
    assert share.p_below(0.01) == 1
    assert share.upper(0.05) == 1
    assert Share.of([1000], [1000]).p_above(0.01) < 1e-6


def test_no_sample_shows_nothing() -> None:
    nothing = Share.of([], [])
    assert math.isnan(nothing.value)
    assert (nothing.lower(0.05), nothing.upper(0.05)) == (0, 1)
    assert (nothing.p_below(0.01), nothing.p_above(0.01)) == (1, 1)
    assert needed(0.01, 0.05, nothing.clusters) == math.inf


COUNTS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), max_size=12)


@settings(deadline=None)
@given(COUNTS, st.floats(1e-6, 1 - 1e-6), st.floats(1e-9, 0.4))
def test_bounds_and_probabilities_never_contradict_each_other(
    counts: list[tuple[int, int]], limit: float, alpha: float
) -> None:
    bad, due = [min(pair) for pair in counts], [max(pair) for pair in counts]
    share = Share.of(bad, due)
    low, high = share.lower(alpha), share.upper(alpha)
    below, above = share.p_below(limit), share.p_above(limit)
    assert 0 <= low <= high <= 1
    assert 0 <= below <= 1
    assert 0 <= above <= 1
    assert below + above >= 0.99
    if below <= alpha:
        assert high <= limit + 1e-9
    if above <= alpha:
        assert low >= limit - 1e-9


@settings(deadline=None)
@given(st.integers(3, 8), st.floats(1e-5, 0.5), st.floats(1e-6, 0.2))
def test_as_many_as_needed_are_enough_and_fewer_are_not(count: int, limit: float, alpha: float) -> None:
    clusters = (Clusters(count, 0.0),)
    need = needed(limit, alpha, clusters)
    if need < 1e15:
        assert Share(0, int(need), clusters).p_below(limit) <= alpha * 1.0001
        assert Share(0, int(need * 0.99) - 1, clusters).p_below(limit) > alpha


def test_the_mean_is_students(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MEMORY", 1.0)
    values = [99.0, 101.0, 100.0, 98.0, 102.0]
    mean = Mean.of(values, grain=0.01)
    reference = stats.ttest_1samp(values, 97.5, alternative="greater")
    assert mean.p_above(97.5) == pytest.approx(reference.pvalue)
    low, high = stats.t.interval(0.9, 4, np.mean(values), stats.sem(values))
    assert mean.reach(0.05) == pytest.approx((high - low) / 2)
    assert mean.p_below(102.5) == pytest.approx(reference.pvalue)


def test_equal_batches_are_no_surer_than_their_grain() -> None:
    mean = Mean.of([100.0] * 4, grain=1.0)
    assert mean.reach(0.05) == pytest.approx(1.645 / 2, rel=1e-3)
    assert mean.p_above(99) == pytest.approx(stats.norm.sf(2))


def test_the_mean_of_too_few_batches_is_unknown() -> None:
    for values in ([], [1.0], [1.0, 1.0]):
        mean = Mean.of(values, grain=0.1)
        assert mean.reach(0.05) == math.inf
        assert mean.p_above(0) == mean.p_below(10) == 1


@pytest.mark.parametrize("count", [8, 16, 32, 64])
def test_nothing_passes_that_met_one_bad_server_and_the_page_says_how_often_none_is_met(count: int) -> None:
    """A limit on p99 where one server of `count` is always slow; docs/statistics.md: "servers like these"."""
    each = 8000 // count
    met = Share.of([each // 8] * 8, [1000] * 8, [each, *[0] * (count - 1)], [each] * count)
    assert met.upper(0.05) > 0.01
    assert Share.of([0] * 8, [1000] * 8, [0] * count, [each] * count).upper(0.05) < 0.01
    told = (Path(__file__).parents[3] / "docs" / "statistics.md").read_text()
    shares = dict(re.findall(r"among (\d+) in (\d+) %", told.replace("\n", " ")))
    assert shares.keys() == {"8", "16", "32"}
    assert str(count) not in shares or float(shares[str(count)]) == round(100 * 0.95**count)
