"""The record of a run: one JSON file, `reports/{run}.json`, from which every report can be made again.

While its run lives, a file of lines beside it says what has changed since it was begun (`changes`), so that
no result is lost whatever happens afterwards; `load` reads both. A record never holds a secret: of the way to
the proxy, nothing is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from kb_tests.errors import RecordError
from kb_tests.report import changes
from kb_tests.report.measured import Part, RunId, Text
from kb_tests.report.measurements import MEASUREMENTS
from kb_tests.report.older import READABLE, SCHEMA, upgraded
from kb_tests.report.point import LookRecord, PointRecord, PointStatus
from kb_tests.report.staged import FillingRecord, ScenarioRecord, ServerRecord, TopologyRecord
from kb_tests.sla.verdict import Outcome

__all__ = [
    "FillingRecord",
    "LookRecord",
    "PointRecord",
    "PointStatus",
    "RunRecord",
    "ScenarioRecord",
    "ServerRecord",
    "TopologyRecord",
    "load",
]


class RunRecord(Part):
    """One run of the suite.

    `points` holds every selected point from the start (as NOT_RUN), in the order of the run, so that a
    run that breaks off cannot look whole. `failures` are tests that failed for a reason of their own, and the
    reason. `notes` are sentences that every report must show, `problems` say what failed outside of the
    points, `leaks` name what stayed on the cloud, `kept` say what was to stay, and how to end it.
    `versions` are those of the controller's packages. `ended` and `exit_code` are None until the run ended
    properly.
    `probes` are the single loads of capacity searches, each with the id of its search, in their order.
    `testing_cloud` is that of the traffic generators, "" where they are on `cloud` itself.
    """

    schema_version: Literal[2] = SCHEMA
    run: RunId
    suite: str
    cloud: str
    testing_cloud: str = ""
    started: AwareDatetime
    ended: AwareDatetime | None = None
    exit_code: int | None = None
    notes: list[Text] = Field(default_factory=list)
    problems: list[Text] = Field(default_factory=list)
    failures: list[Text] = Field(default_factory=list)
    leaks: list[Text] = Field(default_factory=list)
    kept: list[Text] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)
    scenarios: list[ScenarioRecord] = Field(default_factory=list)
    points: list[PointRecord] = Field(default_factory=list)
    probes: list[PointRecord] = Field(default_factory=list)

    @property
    def title(self) -> str:
        """What was done to which cloud, and from where if that is another one."""
        return f"{self.cloud} under load" + (f" from {self.testing_cloud}" if self.testing_cloud else "")

    def select(self, point: PointRecord) -> None:
        """Add a point that is going to run."""
        attempt = 1 + sum(known.id == point.id for known in self.points)
        self.points.append(point.model_copy(update={"attempt": attempt}))

    def put(self, point: PointRecord) -> None:
        """Add what became of a point: in the place that it has in the run, or behind its earlier attempts, of
        which it replaces none.
        """
        same = [index for index, known in enumerate(self.points) if known.id == point.id]
        for index in same:
            known = self.points[index]
            if known.test == point.test and known.status is PointStatus.NOT_RUN:
                self.points[index] = point.model_copy(update={"attempt": known.attempt})
                return
        place = same[-1] + 1 if same else len(self.points)
        self.points.insert(place, point.model_copy(update={"attempt": len(same) + 1}))

    def counted(self) -> list[PointRecord]:
        """The attempts that count: all but those for which nothing could be staged, so that nothing was
        loaded, where the same test was run again.
        """
        again = {(point.id, point.test) for point in self.points if point.run is not None}
        return [
            point
            for point in self.points
            if not (
                point.status is PointStatus.ERROR and point.run is None and (point.id, point.test) in again
            )
        ]

    def standing(self) -> list[PointRecord]:
        """The attempt at each point that stands: the worst one that counts, whatever the others found."""
        worst: dict[str, PointRecord] = {}
        for point in self.counted():
            known = worst.setdefault(point.id, point)
            if _badness(point) < _badness(known):
                worst[point.id] = point
        return list(worst.values())

    def note(self, sentences: Sequence[str]) -> None:
        """Add notes, each once."""
        self.notes.extend(sentence for sentence in dict.fromkeys(sentences) if sentence not in self.notes)

    def write(self, folder: Path) -> Path:
        """Write `folder/{run}.json`, whole or not at all; returns its path.

        A file that was there before stays as it was if this fails. Raises RecordError.
        """
        path = folder / f"{self.run}.json"
        new = folder / f".{self.run}.json.new"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as file:
                file.write(self.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            _sync_folder(folder)
        except (OSError, ValueError) as error:
            new.unlink(missing_ok=True)
            raise RecordError(
                f"The record {path} cannot be written: {getattr(error, 'strerror', None) or error}.",
                remedy="Make room, or name another folder.",
            ) from error
        return path


_WORST_FIRST = (
    Outcome.FAIL,
    PointStatus.LOST,
    PointStatus.ERROR,
    PointStatus.INVALID,
    Outcome.INVALID,
    Outcome.INCONCLUSIVE,
    PointStatus.NOT_RUN,
    PointStatus.PAST_STOP_LIMIT,
    PointStatus.MEASURED,
    Outcome.PASS,
)


def _badness(point: PointRecord) -> int:
    return _WORST_FIRST.index(point.outcome or point.status)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path) -> RunRecord:
    """Read a record of this schema version or an older one, with all that its run has added since.

    `path` is the record, or its file of changes. Raises RecordError that says what is wrong with the file.
    """
    underway = path if path.suffix == changes.SUFFIX else changes.beside(path)
    found = changes.lines(underway)
    if found is not None:
        first, others = found
        record = _read(underway, first)
        for change in changes.decode(underway, others):
            change.apply(record)
        return record
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordError(f"The record {path} cannot be read: {error.strerror or error}.") from error
    return _read(path, text)


def _read(path: Path, text: bytes) -> RunRecord:
    if not text:
        raise RecordError(f"{path} is no record of a run: it is empty.")
    try:
        data = json.loads(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RecordError(f"{path} is no record of a run: it is not JSON ({where}).") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path} is no record of a run: it is not JSON.") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version is None:
        raise RecordError(f"{path} is no record of a run: it has no schema_version.")
    if isinstance(version, bool) or version not in READABLE:
        raise RecordError(
            f"The record {path} has schema version {version!r}; this kb_tests reads versions"
            f" {' and '.join(map(str, READABLE))}.",
            remedy="Read it with the kb_tests that wrote it.",
        )
    for kind in _kinds(data):
        raise RecordError(
            f"The record {path} holds a load of kind {kind!r}, which is not known here.",
            remedy="Read it where that kind is installed.",
        )
    try:
        return RunRecord.model_validate(upgraded(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise RecordError(f"The record {path} is damaged at {where}: {first['msg']}.") from error


def _kinds(data: dict[str, Any]) -> Iterator[str]:
    """Kinds of load that a record names and nobody here knows; it may be damaged in any way."""
    scenarios = data.get("scenarios")
    for scenario in scenarios if isinstance(scenarios, list) else []:
        kind = scenario.get("kind") if isinstance(scenario, dict) else None
        if isinstance(kind, str) and kind and kind not in MEASUREMENTS:
            yield kind[:100]
