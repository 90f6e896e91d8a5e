"""The controller's view of a session: its records, on disk after each point, and the exit code at the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

import pytest

from kb_tests.errors import RecordError
from kb_tests.events.model import Leaked, Outcome, PointEnded, PointSeen, ProbeEnded, Problem, Staged
from kb_tests.report import changes
from kb_tests.report.changes import Said
from kb_tests.report.exitcode import ExitCode, exit_code
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, ScenarioRecord
from kb_tests.report.underway import Underway
from kb_tests.session.attempts import why_failed
from kb_tests.session.selection import Load, Selection
from kb_tests.session.stagings import journaled
from kb_tests.session.target import LOCAL, cloud_label

_PACKAGES = ("kb-tests", "pytest", "openstacksdk", "paramiko", "redis", "numpy", "scipy")


BLURRED = "its instruments may have made the cloud look slow"


def record_ids(selection: Selection, run_ids: Sequence[str]) -> dict[str, str]:
    """{cloud: the id of its record}: the run id of the first target on it."""
    found: dict[str, str] = {}
    for run_id, target in zip(run_ids, selection.targets, strict=True):
        found.setdefault(target.cloud, run_id)
    return found


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
        self._records: dict[str, Underway] = {}
        self._paths: dict[str, Path | None] = {}
        self._loads: dict[str, Load] = {}
        self._problems: list[Problem] = []
        self._said: set[str] = set()
        self._staged = False

    def select(self, loads: Mapping[str, Load], reason: str) -> None:
        """Note which points the session is going to run, by the test that does; they count as not run until
        they did, for the `reason` given.
        """
        begun = set()
        for test, load in loads.items():
            if test in self._loads:
                continue
            self._loads[test] = load
            if load.selected is None:
                continue
            point = PointRecord(
                point=load.selected.point,
                status=PointStatus.NOT_RUN,
                reason=reason,
                test=test,
            )
            self._record(load.target.cloud).change(changes.Selected(point=point))
            begun.add(load.target.cloud)
        self._write(self._records)
        for cloud in begun:
            self._try(cloud, self._records[cloud].begin)

    def take(self, events: Iterable[Outcome]) -> None:
        """Put what happened into the records, and the records onto the disk."""
        touched = set()
        for event in events:
            touched.add(event.cloud)
            kept = self._record(event.cloud)
            match event:
                case PointEnded():
                    kept.change(changes.Ended(point=event.point))
                case ProbeEnded():
                    kept.change(changes.Probed(point=event.point))
                case Staged():
                    self._staged = True
                    self._staged_after_all(event)
                    self._say(event.cloud, "notes", event.notes)
                    self._say(event.cloud, "kept", [event.kept] if event.kept else [])
                    kept.change(changes.Staged(scenario=event.scenario, topology=event.topology))
                case Problem():
                    kept.change(Said(where="problems", sentence=event.sentence))
                    self._problems.append(event)
                case Leaked():
                    kept.change(*(Said(where="leaks", sentence=name) for name in event.resources))
        self._write(touched)

    def _say(self, cloud: str, where: Literal["notes", "kept"], sentences: Iterable[str]) -> None:
        """Add sentences that have to be read once each."""
        kept = self._record(cloud)
        for sentence in sentences:
            if sentence not in getattr(kept.record, where):
                kept.change(Said(where=where, sentence=sentence))

    def _staged_after_all(self, event: Staged) -> None:
        """What failed before of the same staging is no problem any more: nothing was loaded then."""
        kept = self._record(event.cloud)
        for problem in self._problems:
            of_it = problem.cloud == event.cloud and problem.staging in ("", event.scenario)
            if of_it and problem.sentence in kept.record.problems:
                kept.change(Said(where="problems", sentence=problem.sentence, gone=True))
                self._say(event.cloud, "notes", [f"It was staged again, after: {problem.sentence}"])

    def take_report(self, report: pytest.TestReport) -> PointSeen | None:
        """Note a test that failed, unless the record says already of what; the point that its worker lost, of
        which no other process can tell.
        """
        crashed = report.when not in ("setup", "call", "teardown")
        if not report.passed:
            self._said.add(report.nodeid)
        if getattr(report, "kb_recorded", False) or not (report.failed or crashed):
            return None
        record, point = self.point_of(report.nodeid)
        reason = why_failed(report)
        if record is None:
            self.other_failures = True
            return None
        seen = None
        cloud = self._loads[report.nodeid].target.cloud
        if crashed and point is not None and point.status is PointStatus.NOT_RUN:
            lost = point.model_copy(update={"status": PointStatus.LOST, "reason": reason})
            self._records[cloud].change(changes.Ended(point=lost))
            seen = PointSeen(cloud=cloud, point=lost.id, status=str(lost.status), reason=reason)
        elif getattr(report, "kb_doubted", False):
            sentence = f"{report.nodeid} failed, and {BLURRED}: {reason}"
            self._records[cloud].change(Said(where="problems", sentence=sentence))
        else:
            self.other_failures = True
            self._records[cloud].change(Said(where="failures", sentence=f"{report.nodeid}: {reason}"))
        self._write({cloud})
        return seen

    def take_untold(self, failures: Mapping[str, str]) -> None:
        """Note tests of one's own that failed, by why, of which no report said so: a plugin may keep it."""
        for test, reason in failures.items():
            load = self._loads.get(test)
            if load is None or load.selected is not None or test in self._said:
                continue
            self.other_failures = True
            self._said.add(test)
            self._record(load.target.cloud).change(Said(where="failures", sentence=f"{test}: {reason}"))

    def staged(self) -> dict[str, str]:
        """{run id: cloud} of all that may be on a cloud that outlives the session."""
        return {
            run_id: target.place
            for first, target in zip(self.ids, self.selection.targets, strict=True)
            for run_id in journaled(first)
            if target.cloud in self._records.keys() - {LOCAL} and not self._records[target.cloud].record.leaks
        }

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Those of usage that ended the session, or would have, had nothing been staged; each once."""
        return tuple(dict.fromkeys(each.sentence for each in self._problems if each.usage))

    @property
    def left_out(self) -> bool:
        """Whether a selected point did not run."""
        points = (point for kept in self._records.values() for point in kept.record.standing())
        return any(point.status is PointStatus.NOT_RUN for point in points)

    @property
    def began(self) -> bool:
        """Whether anything was staged, or something else than a mistake of usage kept it from that."""
        return self._staged or any(
            kept.record.leaks
            or any(not problem.usage for problem in self._problems)
            or any(point.status is not PointStatus.NOT_RUN for point in kept.record.points)
            for kept in self._records.values()
        )

    def left(self, unfinished: Mapping[str, str]) -> list[Leaked]:
        """What is to be told of runs whose teardown is not finished: {run id: what to say of it}."""
        clouds = self.staged()
        return [Leaked(cloud=clouds[run_id], resources=(said,)) for run_id, said in unfinished.items()]

    def finish(
        self,
        pytest_status: int,
        *,
        stopped_at_failure: bool,
        inconclusive: Literal["fail", "pass"],
        staged_only: bool = False,
    ) -> int:
        """Close the records; returns the session's exit code. Of a session that was called wrongly and staged
        nothing none is kept: there is no run.
        """
        records = [kept.record for kept in self._records.values()]
        code = exit_code(
            [point for record in records for point in record.counted()],
            pytest_status=pytest_status,
            other_failures=self.other_failures,
            infrastructure_failed=any(record.problems for record in records),
            leaked=any(record.leaks for record in records),
            stopped_at_failure=stopped_at_failure,
            inconclusive=inconclusive,
            staged_only=staged_only,
        )
        if code == ExitCode.USAGE_ERROR and not self.began:
            self._forget()
            return code
        for cloud, kept in self._records.items():
            kept.change(changes.Over(ended=datetime.now(UTC), exit_code=int(code)))
            self._try(cloud, kept.end)
        return code

    def _forget(self) -> None:
        for kept in self._records.values():
            kept.discard()
        self._records.clear()
        self._loads.clear()

    def point_of(self, test: str) -> tuple[RunRecord, PointRecord | None] | tuple[None, None]:
        """What became last of the point that `test` runs, and the record of the cloud that it loads."""
        load = self._loads.get(test)
        if load is None:
            return None, None
        record = self._record(load.target.cloud).record
        return record, next((point for point in reversed(record.points) if point.test == test), None)

    def written(self) -> list[Written]:
        """The records so far, in the order of the clouds."""
        return [
            Written(self._records[cloud].record, self._paths.get(cloud))
            for cloud in self.selection.clouds
            if cloud in self._records
        ]

    def _record(self, cloud: str) -> Underway:
        if cloud not in self._records:
            record = RunRecord(
                run=record_ids(self.selection, self.ids)[cloud],
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
                        overrides=list(target.overrides),
                    )
                    for target in self.selection.targets
                    if target.cloud == cloud
                ],
            )
            self._records[cloud] = Underway(record, self.folder)
        return self._records[cloud]

    def _write(self, clouds: Iterable[str]) -> None:
        for cloud in clouds:
            self._try(cloud, self._records[cloud].save)

    def _try(self, cloud: str, write: Callable[[], Path]) -> None:
        kept = self._records[cloud]
        try:
            self._paths[cloud] = write()
        except RecordError as error:
            self._paths[cloud] = None
            if str(error) not in kept.record.problems:
                kept.change(Said(where="problems", sentence=str(error)))
