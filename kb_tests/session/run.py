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
from kb_tests.session.selection import LOCAL, Selected, Selection

_PACKAGES = ("kb-tests", "pytest", "openstacksdk", "paramiko", "redis", "numpy", "scipy")


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
        self._selected: dict[str, Selected] = {}

    def select(self, nodeids: Iterable[str]) -> None:
        """Note which points the session is going to run; they count as not run until they did."""
        for nodeid in nodeids:
            selected = self.selection.of_nodeid(nodeid)
            if selected is None or nodeid in self._selected:
                continue
            self._selected[nodeid] = selected
            self._record(selected.target.cloud).put(
                PointRecord(
                    point=selected.point, status=PointStatus.NOT_RUN, reason="The session ended before it."
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
                    record.note(event.notes)
                    for scenario in record.scenarios:
                        if scenario.name == event.scenario:
                            scenario.topology = event.topology
                case Problem():
                    record.problems.append(event.sentence)
                case Leaked():
                    record.leaks.extend(event.resources)
        self._write(touched)

    def take_report(self, report: pytest.TestReport) -> None:
        """Note a test that ended without a result of its own; the others came by `take`."""
        if not report.failed:
            return
        record, point = self.point_of(report.nodeid)
        if record is None or point is None:
            self.other_failures = True
            return
        if point.status is not PointStatus.NOT_RUN:
            self.other_failures |= report.when != "call"
            return
        crashed = report.when not in ("setup", "call", "teardown")
        record.put(
            PointRecord(
                point=point.point,
                status=PointStatus.LOST if crashed else PointStatus.ERROR,
                reason=_last_line(report.longreprtext) or "It ended without a result.",
            )
        )
        self._write({self._selected[report.nodeid].target.cloud})

    def staged(self) -> dict[str, str]:
        """{run id: cloud} of all that may be on a cloud that outlives the session."""
        return {
            run_id: target.cloud
            for run_id, target in zip(self.ids, self.selection.targets, strict=True)
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
            [point for record in records for point in record.points],
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

    def point_of(self, nodeid: str) -> tuple[RunRecord, PointRecord] | tuple[None, None]:
        """What became of the point that the test `nodeid` ran, and the record it stands in."""
        selected = self._selected.get(nodeid)
        if selected is not None:
            record = self._records[selected.target.cloud]
            for point in record.points:
                if point.id == selected.point.id:
                    return record, point
        return None, None

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


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
