from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import pytest

from kb_tests.report.exitcode import MEANING, ExitCode, exit_code, meaning
from kb_tests.report.record import PointRecord, PointStatus
from tests.unit.report import build

PASS = build.judged()
FAIL = build.judged(share=0.9)
UNDECIDED = build.judged(undecided=True)
INVALID = build.judged(reasons=["2 of 4 generators are missing."])
MEASURED = PASS.model_copy(update={"status": PointStatus.MEASURED, "verdict": None})
LOST = build.without(PointStatus.LOST, "worker gw0 crashed")
ERROR = build.without(PointStatus.ERROR, "the tunnel broke")
NOT_RUN = build.without(PointStatus.NOT_RUN, "the session ended before it")
PAST_LIMIT = build.without(PointStatus.PAST_STOP_LIMIT, "clients 3 broke the stop limit")
EVERY = [PASS, FAIL, UNDECIDED, INVALID, MEASURED, LOST, ERROR, NOT_RUN, PAST_LIMIT]


@pytest.mark.parametrize(
    ("points", "status", "code"),
    [
        ([], 0, 0),
        ([], 1, 1),
        ([], 5, 5),
        ([PASS], 0, 0),
        ([PASS, MEASURED], 0, 0),
        ([PASS], 1, 1),
        ([PASS, FAIL], 1, 1),
        ([PASS, FAIL], 0, 1),
        ([FAIL, PAST_LIMIT], 1, 1),
        ([PASS, PAST_LIMIT], 0, 0),
        ([PAST_LIMIT], 0, 11),
        ([UNDECIDED], 1, 10),
        ([UNDECIDED, FAIL], 1, 1),
        ([INVALID, FAIL, UNDECIDED], 1, 11),
        ([PASS, INVALID], 0, 11),
        ([PASS, LOST], 1, 11),
        ([PASS, ERROR], 1, 11),
        ([PASS, NOT_RUN], 0, 11),
        ([NOT_RUN], 0, 11),
        ([FAIL, NOT_RUN], 1, 11),
        ([FAIL, NOT_RUN], 2, 2),
        ([PASS], 3, 3),
        ([NOT_RUN], 4, 4),
    ],
)
def test_the_code_of_points(points: Sequence[PointRecord], status: int, code: int) -> None:
    assert exit_code(points, pytest_status=status) == code


@pytest.mark.parametrize(
    ("points", "code"),
    [([FAIL, NOT_RUN], 1), ([UNDECIDED, NOT_RUN], 10), ([LOST, NOT_RUN], 11), ([PASS, NOT_RUN], 11)],
)
def test_after_x_the_failure_gives_the_code(points: Sequence[PointRecord], code: int) -> None:
    assert exit_code(points, pytest_status=1, stopped_at_failure=True) == code


def test_after_x_at_a_test_that_is_no_point_the_code_is_1() -> None:
    code = exit_code([NOT_RUN], pytest_status=1, other_failures=True, stopped_at_failure=True)
    assert code == ExitCode.FAILED


def test_inconclusive_may_pass_and_nothing_else_with_it() -> None:
    assert exit_code([UNDECIDED], pytest_status=0, inconclusive="pass") == 0
    assert exit_code([PASS, UNDECIDED, FAIL], pytest_status=1, inconclusive="pass") == 1
    assert exit_code([UNDECIDED, NOT_RUN], pytest_status=0, inconclusive="pass") == 11


def test_a_leak_is_said_whatever_else_happened() -> None:
    for point, status in itertools.product(EVERY, (0, 1, 2, 3, 5)):
        assert exit_code([point], pytest_status=status, leaked=True) == ExitCode.LEAKED


def test_a_failed_infrastructure_comes_before_a_broken_sla() -> None:
    assert exit_code([FAIL], pytest_status=1, infrastructure_failed=True) == ExitCode.INVALID
    assert exit_code([PASS], pytest_status=0, infrastructure_failed=True) == ExitCode.INVALID


def test_a_failed_test_comes_before_an_inconclusive_point() -> None:
    assert exit_code([UNDECIDED], pytest_status=1, other_failures=True) == ExitCode.FAILED


def test_0_is_given_only_if_every_point_ran_and_nothing_failed() -> None:
    good = (PASS, MEASURED, PAST_LIMIT)
    switches: list[Literal["fail", "pass"]] = ["fail", "pass"]
    for length in (1, 2, 3):
        for points in itertools.product(EVERY, repeat=length):
            for switch, stopped, status in itertools.product(switches, (False, True), (0, 1)):
                code = exit_code(
                    points, pytest_status=status, stopped_at_failure=stopped, inconclusive=switch
                )
                allowed = (*good, UNDECIDED) if switch == "pass" else good
                fine = all(point in allowed for point in points) and any(
                    point.status in (PointStatus.JUDGED, PointStatus.MEASURED) for point in points
                )
                assert (code == 0) == (fine and status == 0)


def test_every_code_has_a_meaning() -> None:
    assert set(MEANING) == set(ExitCode)
    assert meaning(12) == "resources of this run were left on the cloud"
    assert meaning(77) == "another plugin of pytest ended the run"


def test_what_was_only_staged_is_no_pass() -> None:
    assert exit_code([NOT_RUN], pytest_status=0, staged_only=True) == ExitCode.NO_TESTS
    assert exit_code([NOT_RUN], pytest_status=2, staged_only=True) == ExitCode.INTERRUPTED
    assert exit_code([NOT_RUN], pytest_status=0, staged_only=True, infrastructure_failed=True) == 11
    assert exit_code([NOT_RUN], pytest_status=0, staged_only=True, leaked=True) == ExitCode.LEAKED
