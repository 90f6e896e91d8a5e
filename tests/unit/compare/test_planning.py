"""What is planned is what it takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kb_tests.cli import main
from kb_tests.compare.comparison import Mark, judge
from kb_tests.compare.estimate import Estimate
from kb_tests.compare.planning import pair_error, pairs_needed, rows_of, sentence
from kb_tests.compare.points import Basis, Matched
from kb_tests.compare.ratio import of_pairs
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.scenario.shipped import find_file


@pytest.mark.parametrize(("slower", "power"), [(0.2, 0.8), (0.1, 0.8), (0.1, 0.95)])
def test_so_many_pairs_have_that_power(slower: float, power: float) -> None:
    error = 0.1
    count = pairs_needed(slower, power, 0.05, error)
    assert count is not None
    random = np.random.default_rng(1)

    def shown() -> bool:
        logs = math.log1p(slower) + error * random.normal(size=count)
        sides = [(Estimate(0.0, 0.0, 0.1, 7, 1e-3), Estimate(log, log, 0.1, 7, 1e-3)) for log in logs]
        return of_pairs(sides).low(0.05) > 0

    found = sum(shown() for _ in range(1000)) / 1000
    assert power - 0.06 < found
    assert found < power + 0.12


@pytest.mark.parametrize("name", ["http-east-west", "demo-storage"])
def test_a_plan_shares_the_error_probability_among_all_that_is_compared(name: str) -> None:
    """One figure of one point is slower: among all the others it has to be seen as often as is said."""
    scenario = load(find_file(name))
    points = expand(scenario)
    told = sentence(points, 0.1, 0.9, scenario.sla)
    count, rows = int(told.split("--kb-pairs ")[1].split(",")[0]), rows_of(points, scenario.sla)
    error = pair_error(min(point.duration for point in points))
    random = np.random.default_rng(3)

    def row(level: float) -> Matched:
        logs = level + error * random.normal(size=count)
        pairs = [(Estimate(0.0, 0.0, 0.1, 7, 1e-3), Estimate(log, log, 0.1, 7, 1e-3)) for log in logs]
        return Matched(points[0], "p99", "s", True, (1.0, 1.0), (), (), of_pairs(pairs))

    others = [row(0.0) for _ in range(rows - 1)]
    shown = sum(
        judge([row(math.log(1.1)), *others], Basis.PAIRS, 0.1, 0.05)[0].mark is Mark.WORSE for _ in range(200)
    )
    assert 0.84 < shown / 200 < 0.99


def test_more_is_needed_for_less() -> None:
    counts = [pairs_needed(slower, 0.8, 0.05, 0.1) or 0 for slower in (0.3, 0.1, 0.05)]
    assert counts == sorted(counts)
    assert pairs_needed(0.001, 0.8, 0.05, 0.1) is None
    assert pair_error(120) < pair_error(30) < pair_error(5)
    assert pair_error(30) == pytest.approx(0.09, abs=0.01)


def test_the_plan_says_how_many_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "demo-http", "--slower", "10%", "--power", "90%"]) == 0
    assert "10 % slower, shown with 90 %: --kb-pairs" in capsys.readouterr().out
    assert main(["plan", "demo-http"]) == 0
    assert "--kb-pairs" not in capsys.readouterr().out
