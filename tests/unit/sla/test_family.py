from __future__ import annotations

from dataclasses import replace

import pytest

from kb_tests.scenario.model import HttpSla
from kb_tests.sla.family import look_lengths, number_of_checks, settle, worst
from kb_tests.sla.verdict import Check, Outcome, Verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def check(p_pass: float, p_fail: float, outcome: Outcome = INCONCLUSIVE) -> Check:
    return Check("latency p99", outcome, 0.1, 0.2, "s", 0.1, 0.3, True, "", p_pass, p_fail)


def verdict(*checks: Check) -> Verdict:
    return Verdict(worst(checks), checks, (), 0.95)


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


def test_shares_of_decided_checks_go_to_the_undecided_ones() -> None:
    """0.05 among 4: 0.0125 each at once; Holm then allows 0.0125, 0.0167, 0.025, 0.05."""
    run = [
        verdict(check(0.001, 1, PASS), check(0.016, 1)),
        verdict(check(1, 0.024)),
        verdict(check(0.06, 0.9)),
    ]
    outcomes = [[made.outcome for made in one.checks] for one in settle(run, 4)]
    assert outcomes == [[PASS, PASS], [FAIL], [INCONCLUSIVE]]
    assert [one.outcome for one in settle(run, 4)] == [PASS, FAIL, INCONCLUSIVE]


def test_the_first_that_stays_open_ends_it() -> None:
    run = [verdict(check(0.02, 1)), verdict(check(0.021, 1)), verdict(check(0.03, 1))]
    assert settle(run, 3) == run


def test_points_that_never_ran_keep_their_share() -> None:
    run = [verdict(check(0.016, 1))]
    assert settle(run, 4) == run
    assert settle(run, 3)[0].outcome is PASS


def test_decided_and_invalid_verdicts_stay() -> None:
    invalid = replace(verdict(check(0.0001, 1)), outcome=Outcome.INVALID, reasons=("No CPU.",))
    run = [verdict(check(0.0, 1.0, PASS)), verdict(check(1.0, 0.0, FAIL)), invalid]
    assert settle(run, 3) == run


def test_what_cannot_be_judged_at_all_stays_open() -> None:
    run = [verdict(check(1.0, 1.0))]
    assert settle(run, 1) == run
