"""The exit code of a run: a contract with the pipeline that reads it.

====  ============================================================================================
code  meaning
====  ============================================================================================
0     every selected point ran and kept its SLA, or was rightly left out past a stop limit
1     an SLA was broken, or a test failed for a reason of its own
2-5   pytest's own: interrupted, internal error, usage error, no tests collected (or only staged). A
      mistake of usage that is found before anything was staged (an unknown image, a quota that does not
      suffice) is 4, too
10    inconclusive: the sample of a point cannot decide
11    invalid or infrastructure failed: a point's instruments failed, or it was lost or did not run
12    leaked: something of ours stayed on the cloud
====  ============================================================================================

Where several hold: leaked, then pytest's 2 to 4, then invalid, failed, inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Literal

from kb_tests.report.record import PointRecord, PointStatus
from kb_tests.sla.verdict import Outcome


class ExitCode(IntEnum):
    """Every code that a run can end with; 2 to 5 are `pytest.ExitCode`'s."""

    OK = 0
    FAILED = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    USAGE_ERROR = 4
    NO_TESTS = 5
    INCONCLUSIVE = 10
    INVALID = 11
    LEAKED = 12


MEANING = {
    ExitCode.OK: "every point ran and kept its SLA",
    ExitCode.FAILED: "an SLA was broken, or a test failed",
    ExitCode.INTERRUPTED: "the run was interrupted",
    ExitCode.INTERNAL_ERROR: "pytest had an internal error",
    ExitCode.USAGE_ERROR: "called wrongly: nothing was staged",
    ExitCode.NO_TESTS: "nothing was measured: no tests were selected, or topologies only staged",
    ExitCode.INCONCLUSIVE: "inconclusive: the sample of a point cannot decide",
    ExitCode.INVALID: "invalid: a point was not measured as it should, or did not run",
    ExitCode.LEAKED: "resources of this run were left on the cloud",
}

_PYTESTS_OWN = {ExitCode.INTERRUPTED, ExitCode.INTERNAL_ERROR, ExitCode.USAGE_ERROR}
_OF_OUTCOME = {
    Outcome.PASS: ExitCode.OK,
    Outcome.FAIL: ExitCode.FAILED,
    Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Outcome.INVALID: ExitCode.INVALID,
}


def exit_code(
    points: Iterable[PointRecord],
    *,
    pytest_status: int,
    other_failures: bool = False,
    infrastructure_failed: bool = False,
    leaked: bool = False,
    stopped_at_failure: bool = False,
    inconclusive: Literal["fail", "pass"] = "fail",
    staged_only: bool = False,
) -> int:
    """The code that a run ends with.

    `points` are all selected points, those that did not run among them. `pytest_status` is what pytest
    would exit with. `other_failures`: a test failed for another reason than its point's verdict or
    status. `stopped_at_failure`: -x or --maxfail ended the run, so that the failure gives the code and
    not the points after it. `inconclusive="pass"` lets inconclusive points leave the code alone.
    `staged_only`: no point was to run, which is nothing to be taken for a pass.
    """
    if leaked:
        return ExitCode.LEAKED
    if pytest_status in _PYTESTS_OWN:
        return pytest_status
    selected = list(points)
    if staged_only and not (infrastructure_failed or other_failures):
        return ExitCode.NO_TESTS
    reached = [point for point in selected if point.status is not PointStatus.NOT_RUN]
    codes = {_code(point) for point in reached if point.status is not PointStatus.PAST_STOP_LIMIT}
    if inconclusive == "pass" and ExitCode.INCONCLUSIVE in codes:
        codes = codes - {ExitCode.INCONCLUSIVE} | {ExitCode.OK}
    if other_failures:
        codes.add(ExitCode.FAILED)
    if selected and not codes:
        codes.add(ExitCode.INVALID)
    explained = stopped_at_failure and codes - {ExitCode.OK}
    if infrastructure_failed or (len(reached) < len(selected) and not explained):
        codes.add(ExitCode.INVALID)
    for code in (ExitCode.INVALID, ExitCode.FAILED, ExitCode.INCONCLUSIVE):
        if code in codes:
            return code
    return pytest_status


def _code(point: PointRecord) -> ExitCode:
    if point.outcome is not None:
        return _OF_OUTCOME[point.outcome]
    return ExitCode.OK if point.status is PointStatus.MEASURED else ExitCode.INVALID


def meaning(code: int) -> str:
    """What `code` says, in words."""
    return MEANING[ExitCode(code)] if code in set(ExitCode) else "another plugin of pytest ended the run"
