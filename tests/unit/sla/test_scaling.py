"""A peak is said where it is shown, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.sla.scaling import Scale, Scaling, scaling

CLIENTS = (1, 2, 4, 6, 8, 12, 16, 24, 32)


def law(a: float, b: float, clients: float) -> float:
    return 100 * clients / (1 + a * (clients - 1) + b * clients * (clients - 1))


def found(a: float, b: float, noise: float = 0.0, seed: int = 0, error: float = 0.02) -> Scaling:
    random = np.random.default_rng(seed)
    return scaling(
        [Scale(n, law(a, b, n) * math.exp(noise * random.normal()), error) for n in reversed(CLIENTS)]
    )


def test_the_law_that_made_the_figures_is_found_again() -> None:
    made = found(0.05, 0.002)
    assert made.law is not None
    assert made.refusal == ""
    assert made.law.best == pytest.approx((100, 0.05, 0.002), rel=0.1)
    assert made.law.peak_low < math.sqrt(0.95 / 0.002) < made.law.peak_high
    best, low, high = made.law.at(64)
    assert low <= best <= high
    assert best == pytest.approx(law(0.05, 0.002, 64), rel=0.05)


def test_a_peak_is_claimed_where_the_last_scale_gave_less() -> None:
    made = found(0.1, 0.005)
    assert made.law is not None
    assert made.law.claimed
    assert 8 < made.law.peak_low < math.sqrt(0.9 / 0.005) < made.law.peak_high < 20


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.10])
@pytest.mark.parametrize("a", [0.0, 0.05])
def test_no_peak_is_claimed_where_there_is_none(a: float, noise: float) -> None:
    """Whatever the noise bends the best curve to; a few progressions, of the many in the benchmark."""
    for seed in range(4):
        made = found(a, 0.0, noise, seed, error=noise)
        assert made.law is None or not made.law.claimed


def test_a_peak_beyond_what_ran_is_none() -> None:
    made = found(0.02, 0.0005)
    assert made.law is not None
    assert math.isfinite(made.law.peak)
    assert not made.law.claimed


def test_what_follows_no_law_is_refused() -> None:
    made = scaling([Scale(n, min(n, 20) * 10.0, 0.01) for n in CLIENTS])
    assert made.law is None
    assert "do not follow the scaling law" in made.refusal
    assert made.efficiency()[-1] == pytest.approx(20 / 32)


@pytest.mark.parametrize(
    ("clients", "why"),
    [
        ((1, 2, 4, 8, 16), "takes 6 scales at least, and here are 5"),
        ((4, 5, 6, 7, 8, 9, 10), "10 is less than that many times 4"),
    ],
)
def test_too_short_a_progression_has_efficiencies_and_no_law(clients: tuple[int, ...], why: str) -> None:
    made = scaling([Scale(n, law(0.05, 0.002, n), 0.02) for n in clients])
    assert made.law is None
    assert why in made.refusal
    assert made.efficiency()[0] == 1
    assert list(made.efficiency()) == sorted(made.efficiency(), reverse=True)


def test_without_errors_no_law() -> None:
    assert "How sure the rates are is not known" in found(0.05, 0.002, error=math.inf).refusal
    assert "How sure the rates are is not known" in found(0.05, 0.002, error=math.nan).refusal


def test_batches_that_agree_make_no_run_surer_than_runs_are() -> None:
    assert found(0.05, 0.002, 0.02, seed=3, error=0.0).law is not None


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(
        st.integers(0, 10_000),
        st.tuples(st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False), st.floats(0, 10)),
        max_size=12,
    )
)
def test_whatever_was_measured_there_is_an_answer_or_a_sentence(
    measured: dict[int, tuple[float, float]],
) -> None:
    made = scaling([Scale(n, rate, error) for n, (rate, error) in measured.items()])
    assert (made.law is None) == bool(made.refusal)
    assert len(made.efficiency()) == len(made.scales)
    if made.law is not None:
        assert made.law.peak_low <= made.law.peak_high
        if made.law.claimed:
            assert made.scales[0].clients <= made.law.peak_low
            assert made.law.peak_high <= made.largest
