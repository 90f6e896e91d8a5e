"""The limit on recovery: kept, broken, or not to be told, which never passes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.measure.http.merge import measure
from kb_tests.measure.recovery import Recovery
from kb_tests.scenario.hooks import RecoveryLimit
from kb_tests.scenario.http import HttpSla
from kb_tests.sla.http.judge import judge, number_of_checks
from kb_tests.sla.recovery import recovery_check
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.measure.reports import POINT, fleet

LIMIT = RecoveryLimit.model_validate({"within": "15s"})
SLA = HttpSla.model_validate({"recovery": "15s", "errors": "1%"})
QUICK = Recovery("reboot", "hook", 10.0, 30.0, seconds=4.0, least=4.0, first=10.0, off=4.0)
SLOW = replace(QUICK, seconds=16.0, least=16.0)
NEVER = replace(QUICK, seconds=None, least=30.0)
LATE = Recovery("late", "marker", 35.0, 5.0)
UNKNOWN = Recovery("early", "marker", 1.0, 30.0, unknown="only 1 s came before it")


def verdict(*found: Recovery, faults: tuple[str, ...] = ()) -> Verdict:
    return judge(POINT, measure(POINT, fleet()), SLA, recovery=found, faults=faults)


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([QUICK], Outcome.PASS),
        ([QUICK, replace(QUICK, seconds=0.0, least=0.0, first=None, off=0.0)], Outcome.PASS),
        ([replace(QUICK, seconds=15.0, least=15.0)], Outcome.PASS),
        ([SLOW], Outcome.FAIL),
        ([NEVER], Outcome.FAIL),
        ([QUICK, SLOW], Outcome.FAIL),
        ([LATE, NEVER], Outcome.FAIL),
        ([], Outcome.INVALID),
        ([LATE], Outcome.INVALID),
        ([QUICK, LATE], Outcome.INVALID),
        ([UNKNOWN], Outcome.INVALID),
        ([QUICK, UNKNOWN], Outcome.INVALID),
    ],
)
def test_outcomes(found: list[Recovery], outcome: Outcome) -> None:
    assert verdict(*found).outcome is outcome


def test_what_did_not_recover_has_no_end() -> None:
    (check,) = [check for check in verdict(NEVER).checks if check.name == "recovery"]
    assert (check.value, check.low, check.limit) == (math.inf, 30.0, 15.0)
    assert "did not recover within 30s" in check.detail


def test_a_point_to_which_nothing_was_done_says_what_to_do() -> None:
    assert "kb marker" in verdict().reasons[0]
    assert "late" in verdict(LATE).reasons[0]


def test_a_hook_that_did_not_do_its_work_makes_the_point_invalid() -> None:
    found = verdict(QUICK, faults=("Hook 'reboot' failed with exit code 1.",))
    assert found.outcome is Outcome.INVALID
    assert found.reasons == ("Hook 'reboot' failed with exit code 1.",)


def test_recovery_takes_its_share_of_the_error_probability() -> None:
    assert number_of_checks(SLA) == 2


seconds = st.one_of(st.none(), st.floats(0, 60))


@given(st.lists(st.tuples(seconds, st.floats(0, 60), st.booleans()), max_size=4))
def test_a_pass_needs_every_mark_to_have_recovered_in_time(
    found: list[tuple[float | None, float, bool]],
) -> None:
    made = [
        Recovery(
            "x",
            "marker",
            0.0,
            60.0,
            seconds=None if unknown else taken,
            least=taken if taken is not None else least,
            unknown="nobody knows" if unknown else "",
        )
        for taken, least, unknown in found
    ]
    check, reasons = recovery_check(made, LIMIT)
    kept = bool(made) and all(one.seconds is not None and one.seconds <= 15 for one in made)
    assert (check.outcome is Outcome.PASS and not reasons) == kept
