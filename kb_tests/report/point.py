"""The record of one point: what was asked, what became of it, what came out, every look at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    Field,
    model_validator,
)

from kb_tests.report.batches import limits_of
from kb_tests.report.capacity import CapacityRecord
from kb_tests.report.marks import HookRecord, RecoveryRecord
from kb_tests.report.measured import Part, RunId, Text
from kb_tests.report.measurements import MEASUREMENTS, AnyMeasured, AnyPoint, kind_of
from kb_tests.report.pairs import PairsRecord
from kb_tests.report.rotated import RotatedRecord
from kb_tests.report.signs import SignsRecord
from kb_tests.scenario.base import Point
from kb_tests.sla.verdict import Outcome, Verdict


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
    measurement: AnyMeasured
    verdict: Verdict

    @classmethod
    def of(cls, point: Point, measurement: object, verdict: Verdict, started: datetime) -> LookRecord:
        """The record of a look at `point`, for as long as that says."""
        found = MEASUREMENTS[point.kind].record(point, measurement, limits_of(verdict))
        return cls(started=started, duration=point.duration, measurement=found, verdict=verdict)


class PointRecord(Part):
    """One run of a selected point: what was asked, what became of it, what came out.

    `reason` is one sentence. `test` is the node id of the test that ran it, `run` the staging that it ran on.
    A point that was run again stands in the record again, with the number of its `attempt`. `earlier` are
    looks before the one that decided. `doubts` say why a measurement of somebody's own test is not to be
    believed, `notes` what else is to be known of it. `down` are sentences on servers that Nova did not call
    ACTIVE when the point had gone wrong, `failing` on those that requests failed at, `culprits` on the
    servers, hosts or zones that stand out where a limit broke, `signs` what servers saw of themselves then,
    `rotated` runs of the same load with other generators. `hooks` is what was done to the cloud meanwhile,
    `recovery` what followed each hook and each marker of a person. With `pairs` it was measured on another
    side in turns: the verdict is on their ratio, the measurement A's last. `capacity` is what a search found,
    which has no measurement of its own; `search` is the id of the one whose probe this is.
    """

    point: AnyPoint
    status: PointStatus
    reason: Text = ""
    started: AwareDatetime | None = None
    measurement: AnyMeasured | None = None
    verdict: Verdict | None = None
    test: Text = ""
    run: RunId | None = None
    attempt: Annotated[int, Field(ge=1)] = 1
    earlier: tuple[LookRecord, ...] = ()
    doubts: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    down: tuple[Text, ...] = ()
    failing: tuple[Text, ...] = ()
    culprits: tuple[Text, ...] = ()
    signs: tuple[SignsRecord, ...] = ()
    rotated: RotatedRecord | None = None
    hooks: tuple[HookRecord, ...] = ()
    recovery: tuple[RecoveryRecord, ...] = ()
    pairs: PairsRecord | None = None
    capacity: CapacityRecord | None = None
    search: Text = ""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if (self.status is PointStatus.JUDGED) != (self.verdict is not None):
            raise ValueError("a point has a verdict if, and only if, it was judged")
        if self.status in (PointStatus.JUDGED, PointStatus.MEASURED, PointStatus.INVALID):
            if self.measurement is None and self.capacity is None:
                raise ValueError(f"a point that was {self.status} needs its measurement")
        elif not self.reason:
            raise ValueError(f"a point of status {self.status} needs a reason")
        if self.measurement is not None and kind_of(self.measurement) != self.point.kind:
            raise ValueError("a point and its measurement have to be of one kind")
        if self.verdict is not None and self.verdict.outcome is Outcome.PASS and not _holds(self.verdict):
            raise ValueError("a verdict of pass needs checks, all of them passed, and no reason against it")
        return self

    @classmethod
    def judged(
        cls,
        point: Point,
        measurement: object,
        verdict: Verdict,
        started: datetime | None = None,
        earlier: Sequence[LookRecord] = (),
    ) -> PointRecord:
        """A point that ran and has its verdict, after `earlier` looks that could not decide."""
        return cls(
            point=point,
            status=PointStatus.JUDGED,
            started=started,
            measurement=MEASUREMENTS[point.kind].record(point, measurement, limits_of(verdict)),
            verdict=verdict,
            earlier=tuple(earlier),
        )

    @classmethod
    def measured(
        cls,
        point: Point,
        measurement: object,
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
            measurement=MEASUREMENTS[point.kind].record(point, measurement, {}),
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
    def remarks(self) -> tuple[str, ...]:
        """What else is to be known, but does not stand against it."""
        return self.verdict.notes if self.verdict else self.notes

    @property
    def outcome(self) -> Outcome | None:
        """The verdict's outcome; None if there is none."""
        return self.verdict.outcome if self.verdict else None


def _holds(verdict: Verdict) -> bool:
    return (
        bool(verdict.checks)
        and not verdict.reasons
        and all(check.outcome is Outcome.PASS for check in verdict.checks)
    )
