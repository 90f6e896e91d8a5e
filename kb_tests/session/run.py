"""The controller's view of a session: records on disk after each point, and the exit code at the end."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

import pytest

from kb_tests.errors import RecordError
from kb_tests.events.model import Leaked, Outcome, PointEnded, Problem, Staged
from kb_tests.report.exitcode import exit_code
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, ScenarioRecord
from kb_tests.session.attempts import last_line
from kb_tests.session.selection import LOCAL, Load, Selection
from kb_tests.session.stagings import journaled

_PACKAGES = ("kb-tests", "pytest", "openstacksdk", "paramiko", "redis", "numpy", "scipy")


BLURRED = "its instruments may have made the cloud look slow"


def cloud_label(cloud: str) -> str:
    """How people read the name of `cloud`."""
    return "embedded local cloud" if cloud == LOCAL else cloud


@dataclass(frozen=True)
class Written:
    """A record and where it is; `path` is None if it could not be written."""

    record: RunRecord
    path: Path | None


class Run:
    """What became of every selected point, cloud by cloud.

    `ids` gives each target the run id that everything staged for it carries, by its place in the selection;
    a cloud's record is called by that of its first target.
    """

    def __init__(self, selection: Selection, folder: Path) -> None:
        self.selection = selection
        self.folder = folder
        self.ids = [secrets.token_hex(4) for _ in selection.targets]
        self.other_failures = False
        self._records: dict[str, RunRecord] = {}
        self._paths: dict[str, Path | None] = {}
        self._loads: dict[str, Load] = {}
        self._problems: list[Problem] = []

    def select(self, loads: Mapping[str, Load]) -> None:
        """Note which points the session is going to run, by the test that does; they count as not run until
        they did.
        """
        for test, load in loads.items():
            if test in self._loads:
                continue
            self._loads[test] = load
            if load.selected is None:
                continue
            self._record(load.target.cloud).select(
                PointRecord(
                    point=load.selected.point,
                    status=PointStatus.NOT_RUN,
                    reason="The session ended before it.",
                    test=test,
                )
            )
        self._write(self._records)

    def take(self, events: Iterable[Outcome]) -> None:
        """Put what happened into the records, and the records onto the disk."""
        touched = set()
        for event in events:
            touched.add(event.cloud)
            record = self._record(event.cloud)
            match event:
                case PointEnded():
                    record.put(event.point)
                case Staged():
                    self._staged_after_all(event)
                    record.note(event.notes)
                    record.kept += [event.kept] if event.kept and event.kept not in record.kept else []
                    for scenario in record.scenarios:
                        if scenario.name == event.scenario:
                            scenario.put(event.topology)
                case Problem():
                    record.problems.append(event.sentence)
                    self._problems.append(event)
                case Leaked():
                    record.leaks.extend(event.resources)
        self._write(touched)

    def _staged_after_all(self, event: Staged) -> None:
        """What failed before of the same staging is no problem any more: nothing was loaded then."""
        record = self._record(event.cloud)
        for problem in self._problems:
            of_it = problem.cloud == event.cloud and problem.staging in ("", event.scenario)
            if of_it and problem.sentence in record.problems:
                record.problems.remove(problem.sentence)
                record.note([f"It was staged again, after: {problem.sentence}"])

    def take_report(self, report: pytest.TestReport) -> None:
        """Note a test that failed, unless the record says already of what."""
        crashed = report.when not in ("setup", "call", "teardown")
        if getattr(report, "kb_recorded", False) or not (report.failed or crashed):
            return
        record, point = self.point_of(report.nodeid)
        reason = last_line(report.longreprtext) or "It ended without a result."
        if crashed and record is not None and point is not None and point.status is PointStatus.NOT_RUN:
            record.put(point.model_copy(update={"status": PointStatus.LOST, "reason": reason}))
        elif record is not None and getattr(report, "kb_doubted", False):
            record.problems.append(f"{report.nodeid} failed, and {BLURRED}: {reason}")
        else:
            self.other_failures = True
            if record is not None:
                record.failures.append(f"{report.nodeid}: {reason}")
        if record is not None:
            self._write({self._loads[report.nodeid].target.cloud})

    def staged(self) -> dict[str, str]:
        """{run id: cloud} of all that may be on a cloud that outlives the session."""
        return {
            run_id: target.cloud
            for first, target in zip(self.ids, self.selection.targets, strict=True)
            for run_id in journaled(first)
            if target.cloud in self._records.keys() - {LOCAL} and not self._records[target.cloud].leaks
        }

    def leave(self, unfinished: Mapping[str, str]) -> None:
        """Note runs whose teardown is not finished: {run id: what to say of it}."""
        clouds = self.staged()
        self.take(Leaked(cloud=clouds[run_id], resources=(said,)) for run_id, said in unfinished.items())

    def finish(
        self, pytest_status: int, *, stopped_at_failure: bool, inconclusive: Literal["fail", "pass"]
    ) -> int:
        """Close the records; returns the session's exit code."""
        records = list(self._records.values())
        code = exit_code(
            [point for record in records for point in record.counted()],
            pytest_status=pytest_status,
            other_failures=self.other_failures,
            infrastructure_failed=any(record.problems for record in records),
            leaked=any(record.leaks for record in records),
            stopped_at_failure=stopped_at_failure,
            inconclusive=inconclusive,
        )
        for record in records:
            record.ended = datetime.now(UTC)
            record.exit_code = int(code)
        self._write(self._records)
        return code

    def point_of(self, test: str) -> tuple[RunRecord, PointRecord | None] | tuple[None, None]:
        """What became last of the point that `test` runs, and the record of the cloud that it loads."""
        load = self._loads.get(test)
        if load is None:
            return None, None
        record = self._record(load.target.cloud)
        return record, next((point for point in reversed(record.points) if point.test == test), None)

    def written(self) -> list[Written]:
        """The records so far, in the order of the clouds."""
        return [
            Written(self._records[cloud], self._paths.get(cloud))
            for cloud in self.selection.clouds
            if cloud in self._records
        ]

    def _record(self, cloud: str) -> RunRecord:
        if cloud not in self._records:
            self._records[cloud] = RunRecord(
                run=next(
                    run_id
                    for run_id, target in zip(self.ids, self.selection.targets, strict=True)
                    if target.cloud == cloud
                ),
                suite=metadata.version("kb-tests"),
                cloud=cloud_label(cloud),
                testing_cloud=self.selection.testing_cloud,
                started=datetime.now(UTC),
                versions={package: metadata.version(package) for package in _PACKAGES},
                scenarios=[
                    ScenarioRecord(
                        name=target.scenario.name,
                        kind=target.scenario.kind,
                        file=target.file.name,
                        settings=target.scenario.model_dump(mode="json"),
                    )
                    for target in self.selection.targets
                    if target.cloud == cloud
                ],
            )
        return self._records[cloud]

    def _write(self, clouds: Iterable[str]) -> None:
        for cloud in clouds:
            record = self._records[cloud]
            try:
                self._paths[cloud] = record.write(self.folder)
            except RecordError as error:
                self._paths[cloud] = None
                if str(error) not in record.problems:
                    record.problems.append(str(error))
