"""The record of a run: one JSON file, `reports/{run}.json`, from which every report can be made again.

It is written after each point, so that no result is lost whatever happens afterwards. It never holds a
secret: of the way to the proxy, nothing is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from kb_tests.cloud.topology import Role, Server, StagingFacts, Topology
from kb_tests.errors import RecordError
from kb_tests.fleet.storage.messages import DiskReport
from kb_tests.measure.http.measurement import Measurement
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.report.http.measured import MeasurementRecord
from kb_tests.report.measured import Part
from kb_tests.report.older import READABLE, SCHEMA, upgraded
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.scenario.points import Point
from kb_tests.scenario.storage import StoragePoint
from kb_tests.sla.verdict import Outcome, Verdict

AnyMeasurement = Measurement | StorageMeasurement


def _kind(value: object) -> str:
    of_storage = isinstance(value, StorageMeasurementRecord) or (
        isinstance(value, dict) and "servers" in value
    )
    return "storage" if of_storage else "http"


AnyMeasurementRecord = Annotated[
    Annotated[MeasurementRecord, Tag("http")] | Annotated[StorageMeasurementRecord, Tag("storage")],
    Discriminator(_kind),
]

RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]


def _encodable(text: object) -> object:
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_encodable)]
"""A sentence for people; an undecodable byte of a file name in it must not cost us the record."""


class PointStatus(StrEnum):
    """What became of a selected point.

    MEASURED ran in somebody's own test, which judges it by itself; INVALID did, too, but its instruments
    failed, and the test did not allow that. LOST was running when its worker or
    the cloud went away. ERROR could not be run or measured. PAST_STOP_LIMIT was left out on purpose,
    since a smaller point already broke the stop limit; NOT_RUN was left out for any other reason.
    """

    JUDGED = "judged"
    MEASURED = "measured"
    INVALID = "invalid"
    LOST = "lost"
    ERROR = "error"
    NOT_RUN = "not_run"
    PAST_STOP_LIMIT = "past_stop_limit"


class LookRecord(Part):
    """An earlier look at a point, whose sample could not decide: it ran again for longer."""

    started: AwareDatetime
    duration: float
    measurement: AnyMeasurementRecord
    verdict: Verdict

    @classmethod
    def of(
        cls, duration: float, measurement: AnyMeasurement, verdict: Verdict, started: datetime
    ) -> LookRecord:
        """The record of a look of `duration` seconds."""
        return cls(started=started, duration=duration, measurement=measured(measurement), verdict=verdict)


class PointRecord(Part):
    """One run of a selected point: what was asked, what became of it, what came out.

    `reason` is one sentence. `test` is the node id of the test that ran it, `run` the staging that it ran on.
    A point that was run again stands in the record again, with the number of its `attempt`. `earlier` are
    looks before the one that decided. `doubts` say why a measurement of somebody's own test is not to be
    believed, `notes` what else is to be known of it. `down` are sentences on servers that Nova did not call
    ACTIVE when the point had gone wrong.
    """

    point: Point
    status: PointStatus
    reason: Text = ""
    started: AwareDatetime | None = None
    measurement: AnyMeasurementRecord | None = None
    verdict: Verdict | None = None
    test: Text = ""
    run: RunId | None = None
    attempt: Annotated[int, Field(ge=1)] = 1
    earlier: tuple[LookRecord, ...] = ()
    doubts: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    down: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if (self.status is PointStatus.JUDGED) != (self.verdict is not None):
            raise ValueError("a point has a verdict if, and only if, it was judged")
        if self.status in (PointStatus.JUDGED, PointStatus.MEASURED, PointStatus.INVALID):
            if self.measurement is None:
                raise ValueError(f"a point that was {self.status} needs its measurement")
        elif not self.reason:
            raise ValueError(f"a point of status {self.status} needs a reason")
        storage = isinstance(self.measurement, StorageMeasurementRecord)
        if self.measurement is not None and storage != isinstance(self.point, StoragePoint):
            raise ValueError("a point and its measurement have to be of one kind")
        if self.verdict is not None and self.verdict.outcome is Outcome.PASS and not _holds(self.verdict):
            raise ValueError("a verdict of pass needs checks, all of them passed, and no reason against it")
        return self

    @classmethod
    def judged(
        cls,
        point: Point,
        measurement: AnyMeasurement,
        verdict: Verdict,
        started: datetime | None = None,
        earlier: Sequence[LookRecord] = (),
    ) -> PointRecord:
        """A point that ran and has its verdict, after `earlier` looks that could not decide."""
        return cls(
            point=point,
            status=PointStatus.JUDGED,
            started=started,
            measurement=measured(measurement),
            verdict=verdict,
            earlier=tuple(earlier),
        )

    @classmethod
    def measured(
        cls,
        point: Point,
        measurement: AnyMeasurement,
        started: datetime | None = None,
        *,
        doubts: Sequence[str] = (),
        notes: Sequence[str] = (),
        allow_invalid: bool = False,
    ) -> PointRecord:
        """A point that ran in somebody's own test, which may allow that there are `doubts`."""
        return cls(
            point=point,
            status=PointStatus.INVALID if doubts and not allow_invalid else PointStatus.MEASURED,
            started=started,
            measurement=measured(measurement),
            doubts=tuple(doubts),
            notes=tuple(notes),
        )

    @property
    def id(self) -> str:
        """The point's id, as in the test's name."""
        return self.point.id

    @property
    def title(self) -> str:
        """The point's id, and which attempt at it this is, if not the first."""
        return self.id if self.attempt == 1 else f"{self.id} (attempt {self.attempt})"

    @property
    def http(self) -> MeasurementRecord | None:
        """What was measured, if it is an HTTP point."""
        return self.measurement if isinstance(self.measurement, MeasurementRecord) else None

    @property
    def storage(self) -> tuple[StoragePoint, StorageMeasurement] | None:
        """The point and what was measured, if it is a storage point; raises RecordError if a histogram
        cannot be read.
        """
        if isinstance(self.point, StoragePoint) and isinstance(self.measurement, StorageMeasurementRecord):
            return self.point, self.measurement.restore()
        return None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else is to be known, but does not stand against it."""
        return self.verdict.notes if self.verdict else self.notes

    @property
    def outcome(self) -> Outcome | None:
        """The verdict's outcome; None if there is none."""
        return self.verdict.outcome if self.verdict else None


def measured(measurement: AnyMeasurement) -> MeasurementRecord | StorageMeasurementRecord:
    """The record of a measurement of any kind."""
    if isinstance(measurement, StorageMeasurement):
        return StorageMeasurementRecord.of(measurement)
    return MeasurementRecord.of(measurement)


def _holds(verdict: Verdict) -> bool:
    return (
        bool(verdict.checks)
        and not verdict.reasons
        and all(check.outcome is Outcome.PASS for check in verdict.checks)
    )


class ServerRecord(Part):
    """A staged server; `mtu` is what its agent sees, `volume` the size of its volume in bytes, `cloud` where
    it is.
    """

    name: str
    role: Role
    address: str
    network: str
    host: str = ""
    zone: str = ""
    peer: str = ""
    volume: int | None = None
    mtu: int | None = None
    cloud: str = ""
    floating_ip: str = ""

    @classmethod
    def of(cls, server: Server) -> ServerRecord:
        """The record of `server`."""
        return cls(
            name=server.name,
            role=server.role,
            address=server.address,
            network=server.network,
            host=server.host,
            zone=server.zone,
            peer=server.peer,
            volume=server.volume.size if server.volume else None,
            mtu=server.mtu or None,
            cloud=server.cloud,
            floating_ip=server.floating_ip,
        )


class FillingRecord(Part):
    """Disks that were filled before anything was read from them: bytes of all, seconds of the slowest."""

    bytes: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]


class TopologyRecord(Part):
    """What was staged for a scenario, under the run id that every resource of it carries; `tools` gives the
    versions of each tool found in the servers, `filling` is None where there is nothing to fill.
    `testing_cloud` is where the traffic generators are, "" for the same cloud; `region` and `testing_region`
    are those of both clouds.
    """

    run: RunId
    cloud: str
    region: str = ""
    testing_cloud: str = ""
    testing_region: str = ""
    staging: StagingFacts
    filling: FillingRecord | None = None
    servers: tuple[ServerRecord, ...]
    tools: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    mtus: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        topology: Topology,
        tools: Iterable[Mapping[str, str]] = (),
        disks: Sequence[DiskReport] = (),
    ) -> TopologyRecord:
        """The record of `topology`; `tools` are the versions that each agent reported ({tool: version}),
        `disks` what each has filled.
        """
        found: dict[str, set[str]] = {}
        for versions in tools:
            for tool, version in versions.items():
                found.setdefault(tool, set()).add(version)
        return cls(
            run=topology.run_id,
            cloud=topology.cloud,
            region=topology.region,
            testing_cloud=topology.testing_cloud,
            testing_region=topology.testing_region,
            staging=topology.staging,
            filling=_filling(disks) if disks else None,
            servers=tuple(ServerRecord.of(server) for server in (*topology.proxies, *topology.agents)),
            tools={tool: tuple(sorted(versions)) for tool, versions in sorted(found.items())},
            mtus=dict(topology.mtus),
        )


def _filling(disks: Sequence[DiskReport]) -> FillingRecord:
    return FillingRecord(bytes=sum(disk.bytes for disk in disks), seconds=max(disk.seconds for disk in disks))


class ScenarioRecord(Part):
    """A scenario as it was read (`settings`) from `file`; `topology` is None while it is not staged.

    `staged_again` are those that were staged for it later in the same session.
    """

    name: str
    kind: str
    file: str
    settings: dict[str, JsonValue]
    topology: TopologyRecord | None = None
    staged_again: list[TopologyRecord] = Field(default_factory=list)

    def put(self, topology: TopologyRecord) -> None:
        """Keep what was staged for it."""
        if self.topology is None:
            self.topology = topology
        else:
            self.staged_again.append(topology)

    def topology_of(self, point: PointRecord) -> TopologyRecord | None:
        """What `point` ran on."""
        for again in self.staged_again:
            if again.run == point.run:
                return again
        return self.topology


class RunRecord(Part):
    """One run of the suite.

    `points` holds every selected point from the start (as NOT_RUN), in the order of the run, so that a
    run that breaks off cannot look whole. `failures` are tests that failed for a reason of their own, and the
    reason. `notes` are sentences that every report must show, `problems` say what failed outside of the
    points, `leaks` name what stayed on the cloud, `kept` say what was to stay, and how to end it.
    `versions` are those of the controller's packages. `ended` and `exit_code` are None until the run ended
    properly.
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
    """Read a record of this schema version or an older one.

    Raises RecordError that says what is wrong with the file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"The record {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path} is no record of a run: it is not JSON ({error}).") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version is None:
        raise RecordError(f"{path} is no record of a run: it has no schema_version.")
    if isinstance(version, bool) or version not in READABLE:
        raise RecordError(
            f"The record {path} has schema version {version!r}; this kb_tests reads versions"
            f" {' and '.join(map(str, READABLE))}.",
            remedy="Read it with the kb_tests that wrote it.",
        )
    try:
        return RunRecord.model_validate(upgraded(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"] if step not in ("http", "storage")) or "the whole"
        raise RecordError(f"The record {path} is damaged at {where}: {first['msg']}.") from error
