"""What several windows counted is as sure as one window as long as all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.sla.bounds import Share, number_of_batches, pooled
from kb_tests.sla.tally import Tally


def steady(seconds: int, bad: int = 3, due: int = 400) -> Tally:
    """A window of so many seconds in which each has as many bad ones."""
    number = min(seconds, number_of_batches(seconds))
    edges = np.linspace(0, seconds, number + 1)
    lengths = np.diff(edges)
    return Tally(tuple(int(bad * n) for n in lengths), tuple(int(due * n) for n in lengths))


def test_a_window_has_as_many_batches_as_it_is_long() -> None:
    assert [number_of_batches(seconds) for seconds in (1, 30, 67, 68, 120, 600)] == [8, 8, 8, 9, 16, 80]


def test_pooled_windows_are_as_one_that_is_as_long() -> None:
    parts, whole = pooled([steady(120)] * 5), pooled([steady(600)])
    assert parts == whole
    assert parts.upper(0.01) == whole.upper(0.01)


def test_more_windows_decide_what_one_cannot() -> None:
    one, four = pooled([steady(30)]), pooled([steady(30)] * 4)
    assert one.value == four.value
    assert one.p_below(0.015) > 0.01 > four.p_below(0.015)
    assert one.p_above(0.004) > 0.01 > four.p_above(0.004)


def test_a_short_window_beside_a_long_one_counts_by_its_length() -> None:
    short = Tally((3,) * 8, (400,) * 8)
    long = Tally((30,) * 8, (4000,) * 8)
    both = pooled([short, long])
    assert both.clusters[0].count == 16
    assert both.clusters[0].worth == pytest.approx(8 * 11**2 / 101)
    assert pooled([long]).upper(0.01) > both.upper(0.01) > pooled([long, long]).upper(0.01)


def test_conditions_that_differ_from_window_to_window_are_seen() -> None:
    """Eight windows, even in themselves: 64 batches know nothing that eight do not."""
    alike = pooled([Tally((6,) * 8, (1000,) * 8)] * 8)
    differing = pooled([Tally((bad,) * 8, (1000,) * 8) for bad in (2, 10, 4, 8, 2, 10, 4, 8)])
    assert differing.value == alike.value
    assert differing.clusters[0].longer is not None
    assert differing.p_below(0.009) > 10 * alike.p_below(0.009)


def test_agents_are_the_same_ones_in_every_window() -> None:
    agents = {f"kb-client-{number}": (3, 400) for number in range(8)}
    one = Tally((3,) * 8, (400,) * 8, agents)
    both = pooled([one, one])
    assert len(both.clusters) == 2
    assert both.clusters[1].count == 8
    assert Share.of([3] * 8, [400] * 8, [3] * 8, [400] * 8) == pooled([one])


@pytest.mark.parametrize("tallies", [[], [Tally((), ())], [Tally((0,) * 3, (0,) * 3)] * 2])
def test_windows_in_which_nothing_was_due_show_nothing(tallies: list[Tally]) -> None:
    share = pooled(tallies)
    assert math.isnan(share.value)
    assert (share.p_below(0.01), share.p_above(0.01)) == (1, 1)
    assert (share.lower(0.05), share.upper(0.05)) == (0, 1)


WINDOW = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted), min_size=1, max_size=12
).map(lambda pairs: Tally(tuple(bad for bad, _ in pairs), tuple(due for _, due in pairs)))


@settings(deadline=None, max_examples=50)
@given(st.lists(WINDOW, min_size=1, max_size=6), st.floats(1e-4, 0.9), st.floats(1e-6, 0.3))
def test_bounds_and_probabilities_agree_however_windows_are_made_up(
    tallies: list[Tally], limit: float, alpha: float
) -> None:
    share = pooled(tallies)
    low, high = share.lower(alpha), share.upper(alpha)
    assert 0 <= low <= high <= 1
    assert share.p_below(limit) + share.p_above(limit) >= 0.99
    if share.p_below(limit) <= alpha:
        assert high <= limit + 1e-9
    if share.p_above(limit) <= alpha:
        assert low >= limit - 1e-9
