"""The record of one point: what was asked, what became of it, what came out, every look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from kb_tests.measure.http.measurement import Measurement
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.report.batches import limits_of
from kb_tests.report.http import batches as http
from kb_tests.report.http.measured import MeasurementRecord
from kb_tests.report.measured import Part, RunId, Text
from kb_tests.report.storage import batches as storage
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.scenario.http import HttpPoint
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
    def of(cls, point: Point, measurement: AnyMeasurement, verdict: Verdict, started: datetime) -> LookRecord:
        """The record of a look at `point`, for as long as that says."""
        found = measured(point, measurement, limits_of(verdict))
        return cls(started=started, duration=point.duration, measurement=found, verdict=verdict)


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
            measurement=measured(point, measurement, limits_of(verdict)),
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
            measurement=measured(point, measurement),
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


def measured(
    point: Point, measurement: AnyMeasurement, limits: Mapping[str, float] = MappingProxyType({})
) -> MeasurementRecord | StorageMeasurementRecord:
    """The record of a measurement of any kind; its batches count what took longer than each of `limits`."""
    match point, measurement:
        case HttpPoint(), Measurement():
            return MeasurementRecord.of(measurement, http.batches(measurement, limits, point.timeout))
        case StoragePoint(), StorageMeasurement():
            return StorageMeasurementRecord.of(measurement, storage.batches(measurement, limits))
        case _:
            raise TypeError(f"{point.id} is not of the kind of what was measured")


def _holds(verdict: Verdict) -> bool:
    return (
        bool(verdict.checks)
        and not verdict.reasons
        and all(check.outcome is Outcome.PASS for check in verdict.checks)
    )
