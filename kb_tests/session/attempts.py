"""What this process remembers of the tests that load a cloud, whoever runs one of them how many times.

A plugin that runs a test again (pytest-rerunfailures, flaky, a loop in a conftest) keeps its last outcome. Of
a cloud that broke its SLA once that would be a lie: what one attempt found stays true, whatever the next one
finds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from kb_tests.events.model import PointEnded
from kb_tests.report.record import PointRecord, PointStatus
from kb_tests.session.keys import ATTEMPTS, BUS, SELECTION


@dataclass(frozen=True)
class Failure:
    """Why a test failed, in one sentence. It is `recorded` if the record holds a result that says so, and
    `doubted` if it may be the instruments that made the cloud look slow.
    """

    why: str
    recorded: bool = False
    doubted: bool = False


class Attempts:
    """The attempts at every test, by its node id."""

    def __init__(self) -> None:
        self._first: dict[str, Failure] = {}
        self._results: set[str] = set()
        self._against: set[str] = set()
        self._doubted: set[str] = set()
        self._own: Counter[str] = Counter()
        self._searches: Counter[tuple[str, str]] = Counter()
        self._runs: dict[str, str] = {}

    def begin(self, test: str) -> None:
        """Another attempt at `test`."""
        for noted in (self._results, self._against, self._doubted):
            noted.discard(test)
        self._runs.pop(test, None)

    def staged(self, test: str, run: str) -> None:
        """Note the topology of this attempt, staged as `run`."""
        self._runs[test] = run

    def run_of(self, test: str) -> str | None:
        """What was staged for this attempt."""
        return self._runs.get(test)

    def result(self, test: str, against: str = "", *, doubted: bool = False) -> None:
        """The record holds a result of this attempt, and what that says against the test, in one sentence."""
        self._results.add(test)
        if doubted:
            self._doubted.add(test)
        if against:
            self._against.add(test)
            self._first.setdefault(test, Failure(against, recorded=True))

    def has_result(self, test: str) -> bool:
        """Whether the record holds a result of this attempt."""
        return test in self._results

    def failed(self, test: str, why: str, *, staged: bool) -> Failure:
        """Note that this attempt failed, when all was `staged` or before; what is to be said of it."""
        failure = Failure(why, recorded=test in self._against, doubted=test in self._doubted)
        if staged:
            self._first.setdefault(test, failure)
        return failure

    def failure(self, test: str) -> Failure | None:
        """The first failure of `test` in this session, from when something was staged for it."""
        return self._first.get(test)

    def untold(self) -> dict[str, str]:
        """Why tests failed of which the record says nothing, by test; not those that are doubted."""
        return {test: one.why for test, one in self._first.items() if not (one.recorded or one.doubted)}

    def number(self, cloud: str) -> int:
        """The number of the next measurement of tests of one's own on `cloud`, from 1."""
        self._own[cloud] += 1
        return self._own[cloud]

    def number_of_search(self, cloud: str, search: str) -> int:
        """Which run of the search with this id on `cloud` begins, from 1."""
        self._searches[cloud, search] += 1
        return self._searches[cloud, search]


def account(
    item: pytest.Item, report: pytest.TestReport, raised: pytest.ExceptionInfo[BaseException] | None
) -> None:
    """Let a phase of a test, in which this was `raised`, count, whatever a plugin makes of `report`.

    A point that ended without a result is an error. A pass after a failure of the same test becomes a
    failure, but for one before anything was loaded; so does one of a phase that raised something.
    """
    load = item.config.stash[SELECTION].load_of(item)
    if load is None:
        return
    attempts, test = item.config.stash[ATTEMPTS], item.nodeid
    failure, recorded = None, False
    if report.passed and raised is not None:
        report.outcome, report.longrepr = "failed", raised.exconly()
    if report.failed:
        why = why_failed(report)
        if load.selected is not None and report.when != "teardown" and not attempts.has_result(test):
            point = PointRecord(
                point=load.selected.point,
                status=PointStatus.ERROR,
                reason=why,
                test=test,
                run=attempts.run_of(test),
            )
            item.config.stash[BUS].put(PointEnded(cloud=load.target.cloud, point=point))
            recorded = True
        failure = attempts.failed(test, why, staged=report.when != "setup")
    elif report.when == "call" and report.passed and (failure := attempts.failure(test)):
        report.outcome = "failed"
        report.longrepr = (
            f"{failure.why}\nThat was an earlier attempt in this session. This one passed: it adds to what is"
            " known of the cloud, and takes nothing back."
        )
    if failure is not None:
        vars(report)["kb_recorded"] = recorded or (failure.recorded and report.when != "teardown")
        vars(report)["kb_doubted"] = failure.doubted and report.when == "call"


_SAID = "Failed: "
"""What pytest puts before the words of `pytest.fail`."""


def why_failed(report: pytest.TestReport) -> str:
    """One line: what was raised, or the last that was said. Behind an assertion pytest tells of its parts."""
    crash = getattr(report.longrepr, "reprcrash", None)
    raised = str(getattr(crash, "message", "") or "").strip()
    said = (
        raised.splitlines()[0] if raised and not raised.startswith(_SAID) else last_line(report.longreprtext)
    )
    return said or "It ended without a result."


def last_line(text: str) -> str:
    """The last line of `text` that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
