from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.measure.steady import excursion, is_steady, warm_up_end


def decay(count: int, level: float = 0.002, seed: int = 1) -> list[float]:
    """Ten times as slow at first, like the steady level after some six values."""
    noise = np.random.default_rng(seed).normal(0, 0.05, count)
    return [float(value) for value in level * (1 + 10 * np.exp(-np.arange(count) / 1.5)) * np.exp(noise)]


@pytest.mark.parametrize("count", [24, 30, 60, 600])
def test_finds_the_end_of_a_warm_up(count: int) -> None:
    assert 5 <= (warm_up_end(decay(count)) or 0) <= 9


def test_finds_that_it_was_fast_at_first() -> None:
    assert warm_up_end([1.0] * 6 + [3.0, 3.1, 2.9] * 8) == 6


def test_a_steady_series_is_kept() -> None:
    cuts = [
        warm_up_end(list(np.exp(np.random.default_rng(seed).normal(0, 0.1, 30)))) or 0 for seed in range(200)
    ]
    assert max(cuts) == 0


@pytest.mark.parametrize(("factor", "cut"), [(1.3, 0), (0.8, 0), (1.7, 8), (0.5, 8)])
def test_a_small_drift_is_no_warm_up(factor: float, cut: int) -> None:
    series = [factor * value for value in [1.0, 1.01, 0.99, 1.02] * 2] + [1.0, 1.01, 0.99, 1.02] * 8
    assert warm_up_end(series) == cut


@pytest.mark.parametrize("at", [5, 10, 20, 25])
def test_a_disturbance_in_the_middle_is_no_warm_up(at: int) -> None:
    series = [1.0, 1.1, 0.9, 1.05, 0.95] * 12
    series[at : at + 3] = [80.0, 120.0, 40.0]
    assert (warm_up_end(series) or 0) <= 2


def test_a_series_that_never_settles_says_nothing() -> None:
    assert warm_up_end([float(value) for value in range(1, 100)]) is None
    assert warm_up_end([1.0, 1.1] * 10 + [50.0, 51.0] * 6) is None
    assert warm_up_end([1.0] * 19) is None
    assert warm_up_end([math.nan] * 100) is None
    assert warm_up_end([]) is None


def test_seconds_without_an_answer_are_no_steady_state() -> None:
    assert warm_up_end([math.nan] * 10 + [3.0] + [1.0] * 49) == 11


def test_snia_figures() -> None:
    assert excursion([90, 100, 110]) == pytest.approx((0.2, 0.2))
    assert excursion([100, 110, 90, 110, 100]) == pytest.approx((20 / 102, 0), abs=1e-9)
    assert excursion([]) == excursion([1]) == excursion([0, 0, 0]) == (math.inf, math.inf)


@pytest.mark.parametrize(
    ("series", "steady"),
    [
        ([100, 100, 100, 100, 100], True),
        ([100, 91, 109, 91, 100], True),
        ([100, 89, 111, 89, 100], False),
        ([94, 97, 100, 103, 106], False),
        ([], False),
    ],
)
def test_snia_rule(series: list[float], steady: bool) -> None:
    assert is_steady(series) is steady


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6) | st.just(math.nan), max_size=80))
def test_any_series_has_an_answer(series: list[float]) -> None:
    cut = warm_up_end(series)
    assert cut is None or 0 <= cut < len(series) / 2


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(0.001, 1), min_size=20, max_size=60), st.floats(0.001, 1000), st.integers(0, 10_000)
)
def test_the_unit_means_nothing_and_what_is_cut_lies_on_one_side(
    series: list[float], unit: float, seed: int
) -> None:
    cut = warm_up_end(series)
    if cut:
        values = np.log(series)
        levels = [np.median(values[end:]) for end in range(cut, math.ceil(len(series) / 2))]
        assert any(len(set(values[:cut] > level)) == 1 for level in levels)
    spread = list(np.exp(np.random.default_rng(seed).normal(0, 1, 30)))
    assert warm_up_end([unit * value for value in spread]) == warm_up_end(spread)
