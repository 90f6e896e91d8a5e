from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.measure.steady import excursion, is_steady, warm_up_end


def test_finds_the_end_of_a_warm_up() -> None:
    random = np.random.default_rng(1)
    series = 10 + 40 * np.exp(-np.arange(100) / 5) + random.normal(0, 0.5, 100)
    assert warm_up_end(list(series)) in (20, 25, 30, 35)


def test_a_steady_series_is_kept() -> None:
    series = list(10 + np.random.default_rng(2).normal(0, 0.5, 100))
    assert warm_up_end(series) in (0, 5, 10)


def test_a_series_that_never_settles_says_nothing() -> None:
    assert warm_up_end([float(value) for value in range(100)]) is None
    assert warm_up_end([1.0] * 19) is None
    assert warm_up_end([math.nan] * 100) is None


def test_seconds_without_an_answer_are_no_steady_state() -> None:
    assert warm_up_end([math.nan] * 10 + [3.0] + [1.0] * 49) == 15


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
    assert cut is None or (cut % 5 == 0 and cut < len(series) / 2)
