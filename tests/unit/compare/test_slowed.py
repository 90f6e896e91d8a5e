"""What generators that sent late may have made look slower proves nothing on the other side's behalf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kb_tests.compare.comparison import compare
from kb_tests.compare.pairs import compare_pairs
from kb_tests.errors import CompareError
from kb_tests.report.record import PointStatus, RunRecord
from kb_tests.sla.verdict import Outcome
from tests.unit.compare.build import VERDICT, run, runs
from tests.unit.compare.test_pairs import paired
from tests.unit.session.test_baseline import added, past, target
from tests.unit.session.test_baseline_strange import judged

LATE = "2 of 2 generators sent too late, with a p99 above 5ms: one 7ms, two 9ms."
NOTED = replace(VERDICT, notes=(LATE,))


def noted(records: Sequence[RunRecord]) -> list[RunRecord]:
    return [
        record.model_copy(
            update={
                "points": [point.model_copy(update={"verdict": NOTED}) for point in record.points],
            }
        )
        for record in records
    ]


def test_a_side_that_was_slowed_is_no_better_than_it_looks() -> None:
    """A stands at twice the times that it may have had: that B has no more proves nothing."""
    a, b = runs(1, 3, 2.0, between=0.03), runs(9, 3, 1.5, between=0.03, seed=5)
    assert compare(("a", a), ("b", b)).outcome is Outcome.PASS
    found = compare(("a", noted(a)), ("b", b))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert not found.better
    assert any("of A was no slower than it says" in told and LATE in told for told in found.left_out)


def test_what_is_worse_than_a_side_that_was_slowed_is_worse() -> None:
    a, b = runs(1, 3, between=0.03), runs(9, 3, 2.0, between=0.03, seed=5)
    found = compare(("a", noted(a)), ("b", b))
    assert (found.outcome, bool(found.worse)) == (Outcome.FAIL, True)


@pytest.mark.parametrize(("ratio", "outcome"), [(2.0, Outcome.INCONCLUSIVE), (0.7, Outcome.PASS)])
def test_b_that_was_slowed_may_pass_and_never_fails(ratio: float, outcome: Outcome) -> None:
    found = compare(("a", runs(1, 3, between=0.03)), ("b", noted(runs(9, 3, ratio, between=0.03, seed=5))))
    assert (found.outcome, found.worse) == (outcome, [])


def test_a_baseline_that_was_slowed_lets_nothing_pass(tmp_path: Path) -> None:
    asked = target(tmp_path)
    slow = judged(past(asked, 3, ratio=2.0), NOTED)
    verdict = added(asked, slow, 1.0)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "so that nothing passes by it" in verdict.checks[1].detail


def test_runs_of_a_baseline_that_were_slowed_are_left_out_where_there_are_others(tmp_path: Path) -> None:
    asked = target(tmp_path)
    baseline = past(asked, 3) + judged(past(asked, 3, ratio=4.0), NOTED, 0xAA)
    assert added(asked, baseline, 0.5).outcome is Outcome.PASS
    verdict = added(asked, baseline, 2.0)
    assert verdict.outcome is Outcome.FAIL
    assert " in 3 runs of before" in verdict.checks[1].detail
    assert "run 000000aa, 000000ab, 000000ac, which is left out" in verdict.checks[1].detail


@pytest.mark.parametrize(("ratio", "outcome"), [(2.0, Outcome.INVALID), (0.5, Outcome.PASS)])
def test_a_run_that_was_slowed_is_not_called_slower(ratio: float, outcome: Outcome, tmp_path: Path) -> None:
    """As with limits of the SLA: a pass stands, and nothing else is said of the cloud."""
    asked = target(tmp_path)
    verdict = added(asked, past(asked, 3), ratio, verdict=NOTED)
    assert verdict.outcome is outcome
    assert verdict.reasons == ((LATE,) if outcome is Outcome.INVALID else ())


def test_pairs_of_which_a_side_was_slowed_are_not_compared() -> None:
    whole = paired(4, 0.5)
    assert compare_pairs([whole]).outcome is Outcome.PASS
    found = compare_pairs(noted([whole]))
    assert (found.outcome, found.rows) == (Outcome.INCONCLUSIVE, ())
    assert "no valid pairs" in found.reasons[0]


def test_a_point_that_its_own_test_allowed_to_be_invalid_is_not_compared() -> None:
    def own(name: str, **changes: Any) -> RunRecord:
        (point,) = run(name).points
        measured = {"status": PointStatus.MEASURED, "verdict": None} | changes
        return run(name, points=[point.model_copy(update=measured)])

    assert compare(("a", [own("0000000a")]), ("b", [own("0000000b")])).points
    with pytest.raises(CompareError, match="no valid point"):
        compare(("a", [own("0000000a")]), ("b", [own("0000000b", doubts=("Its generators starved.",))]))
