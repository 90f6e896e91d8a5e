from __future__ import annotations

import pytest

from kb_tests.scenario.http import HttpSla
from kb_tests.sla.family import look_lengths, worst
from kb_tests.sla.http.judge import number_of_checks
from kb_tests.sla.verdict import Check, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def check(p_pass: float, p_fail: float, outcome: Outcome = INCONCLUSIVE) -> Check:
    return Check("latency p99", outcome, 0.1, 0.2, "s", 0.1, 0.3, True, "", p_pass, p_fail)


def test_counts_the_checks_that_can_err() -> None:
    sla = HttpSla.model_validate(
        {"latency": {"p50": "1s", "p100": "2s"}, "achieved": "99%", "errors": "0%", "staging": "9s"}
    )
    assert number_of_checks(sla) == 2
    assert number_of_checks(sla.model_copy(update={"errors": 0.001})) == 3


@pytest.mark.parametrize(
    ("longest", "lengths"),
    [(5, (5,)), (3, (5,)), (8, (5, 8)), (19, (5, 19)), (20, (5, 10, 20)), (60, (5, 10, 60))],
)
def test_looks(longest: float, lengths: tuple[float, ...]) -> None:
    assert look_lengths(5, longest) == lengths


def test_the_worst_outcome_counts() -> None:
    assert worst([check(0, 1, PASS), check(1, 1), check(0, 1, PASS)]) is INCONCLUSIVE
    assert worst([check(0, 1, PASS), check(1, 1), check(1, 0.001, FAIL)]) is FAIL
