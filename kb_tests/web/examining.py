"""Asking a cloud whether it can carry a scenario: `kb doctor` in a child, which loads what the UI spares."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from pydantic import ValidationError

from kb_tests.report.words import printable
from kb_tests.web import child
from kb_tests.web.looking import known_cloud
from kb_tests.web.problems import Problem
from kb_tests.web.scenarios import Scenarios
from kb_tests.web.shapes.clouds import Examination, ExaminationRequest, FindingShape

SECONDS = 180.0
MOST = 500
_WORST_FIRST = ("FAULT", "note", "good")


class Examiner:
    """Asks one cloud at a time, and each cloud once at a time."""

    def __init__(self, scenarios: Scenarios, reports: Path) -> None:
        self._scenarios = scenarios
        self._reports = reports
        self._lock = threading.Lock()
        self._asked: set[str] = set()

    def examine(self, cloud: str, request: ExaminationRequest) -> Examination:
        """What `kb doctor` finds, the worst first; raises Problem where it finds nothing out."""
        known_cloud(cloud)
        command = ["--json", f"--cloud={cloud}"]
        command.append(f"--reports={self._reports.absolute()}")
        if request.scenario:
            row = self._scenarios.shown(request.scenario).row
            if row.fault:
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, row.fault)
            command.append(f"--scenario={self._scenarios.place(request.scenario).path}")
        with self._alone(cloud):
            return self._asked_of(cloud, command)

    @contextmanager
    def _alone(self, cloud: str) -> Iterator[None]:
        with self._lock:
            if cloud in self._asked:
                raise Problem(HTTPStatus.CONFLICT, f"{cloud} is being examined.", "Wait for its answer.")
            self._asked.add(cloud)
        try:
            yield
        finally:
            with self._lock:
                self._asked.discard(cloud)

    def _asked_of(self, cloud: str, arguments: list[str]) -> Examination:
        done = child.ask("doctor", *arguments, seconds=SECONDS)
        findings = tuple(_findings(done.output))
        if not findings:
            told = done.complaint
            raise Problem(HTTPStatus.BAD_GATEWAY, told, f"`kb doctor --cloud {cloud}` says the same.")
        worst = sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.state))
        return Examination(
            cloud=cloud, fit=all(one.state != "FAULT" for one in findings), findings=tuple(worst)
        )


def _findings(output: bytes) -> Iterator[FindingShape]:
    for line in output.splitlines()[:MOST]:
        try:
            found = FindingShape.model_validate_json(line)
        except ValidationError:
            continue
        yield FindingShape(
            what=printable(found.what),
            state=found.state,
            found=printable(found.found),
            remedy=printable(found.remedy),
        )
