"""Where a history changed, and how seldom it is called changed when it did not."""

from __future__ import annotations

import numpy as np
import pytest

from kb_tests.compare.changes import LEAST, changes, critical, false_alarms, resemblance, statistic

SD = 0.05


def series(count: int, seed: int, *steps: tuple[int, float]) -> list[float]:
    logs = np.random.default_rng(seed).normal(size=count) * SD
    for at, ratio in steps:
        logs[at:] += np.log(ratio)
    return [float(log) for log in logs]


def test_a_step_is_found_where_it_is_and_with_its_size() -> None:
    (found,) = changes(series(24, 1, (16, 1.3)))
    assert found.at == 16
    assert found.low < 1.3 < found.high
    assert found.ratio == pytest.approx(1.3, rel=0.1)


def test_two_steps_are_two() -> None:
    assert [one.at for one in changes(series(40, 2, (12, 1.5), (28, 0.6)))] == [12, 28]


def test_one_or_two_runs_are_a_spike() -> None:
    for count in range(2 * LEAST):
        assert changes([0.0] * (count // 2) + [1.0] * (count - count // 2)) == []
    spike = series(20, 3)
    spike[10] += 1.0
    assert changes(spike) == []


@pytest.mark.parametrize("log", [0.5, np.log(200.0), np.log(0.00513), -7.1])
def test_runs_that_are_all_alike_did_not_change(log: float) -> None:
    """Nor by what is left of subtracting the mean of 30 equal numbers from them."""
    assert changes([float(log)] * 30) == []
    assert changes([float(log)] * 30 + [float(log) * (1 + 1e-12)] * 30) == []


def test_a_last_digit_is_no_change() -> None:
    assert changes([np.log(0.00513)] * 6 + [np.log(0.005135)] * 3, 0.001) == []
    assert [one.at for one in changes([np.log(0.00513)] * 9 + [np.log(0.0054)] * 4)] == [9]


def test_false_alarms_are_as_rare_as_stated_and_more_where_days_resemble_each_other() -> None:
    hits = sum(bool(changes(series(24, 100 + seed))) for seed in range(600))
    assert hits / 600 < 0.03
    assert false_alarms(24, 0.0) == pytest.approx(0.01, abs=0.002)
    assert 0.05 < false_alarms(24, 0.4) < 0.2
    assert false_alarms(24, 0.7) > 0.25
    assert critical(24) == critical(24)


def test_false_alarms_are_as_rare_where_many_figures_share_them() -> None:
    """One in a hundred of a scenario with 78 figures, or in a thousand: rarer than a simulation can draw."""
    found = statistic(np.random.default_rng(77).normal(size=(300_000, 12)))[0]
    for alpha in (1e-4, 1e-5):
        stated = alpha * len(found)
        assert (found > critical(12, alpha)).sum() <= stated + 2 * stated**0.5
    assert critical(12, 1e-3) < critical(12, 1e-4) < critical(12, 1e-5)


def test_resemblance_of_neighbours_is_seen_beside_a_change() -> None:
    random = np.random.default_rng(4)
    rows = random.normal(size=200)
    for place in range(1, 200):
        rows[place] = 0.7 * rows[place - 1] + 0.7 * rows[place]
    assert resemblance([float(row) for row in rows], []) > 0.5
    steady = series(60, 5, (30, 2.0))
    assert resemblance(steady, changes(steady)) < 0.4
