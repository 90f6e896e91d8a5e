"""Does what a session said fit its fault, and is its record true?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from kb_tests.cloud import journal
from kb_tests.errors import RecordError
from kb_tests.fleet import fleet
from kb_tests.report import record as records
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.scenario.http import HttpPoint
from kb_tests.sla.verdict import Outcome
from tests.campaign.fault import FAILED, INCONCLUSIVE, INVALID, LEAKED, PASSED, Fault
from tests.campaign.session import WINDOW, Session

_BROKEN = re.compile(r"Traceback \(most recent call last\)|INTERNALERROR|^E  +\w+Error", re.MULTILINE)
_WITHOUT_RECORD = ("record's disk full",)

LEAST = 0.2
"""Seconds of its window that a fault has to spoil, to be seen by a limit that says two in a hundred."""


def complaints(session: Session, fault: Fault, moment: str, acted: bool, code: int | None) -> Iterator[str]:
    """All that is wrong, one sentence each."""
    said = "\n".join(session.said)
    if code is None:
        yield "it hung"
        return
    harmed = (acted or not fault.moments) and not (fault.spoils and _too_late(session))
    if moment == "start" and code != PASSED and not session.ask_for("POST", ""):
        return  # it was ended before it could have said anything
    allowed = fault.codes if harmed else fault.codes | {PASSED}
    if code not in allowed and not _excused(session, code):
        yield f"exit code {code}, not {' or '.join(map(str, sorted(allowed)))}"
    if _BROKEN.search(said):
        yield "the output has a traceback"
    if code > 0 and f"exit code {code}: " not in said:
        yield "the output does not say what the exit code means"
    if fault.told and code > 0 and fault.told not in said:
        yield f"the output does not say {fault.told!r}"
    if code == LEAKED and "left on the cloud" not in said:
        yield "the output does not say what was left"
    if fault.stages_nothing and any(
        session.ask_for("POST", word) for word in ("projects", "networks", "servers")
    ):
        yield "something was staged"
    yield from _of_records(session, fault, moment, harmed, code)


def _of_records(session: Session, fault: Fault, moment: str, harmed: bool, code: int) -> Iterator[str]:
    files = list(session.reports.glob("*.json")) if session.reports.is_dir() else []
    if code >= 0 and not files and fault.name not in _WITHOUT_RECORD and session.ask_for("POST", ""):
        yield "there is no record"
    for path in files:
        try:
            record = records.load(path)
        except RecordError as error:
            yield str(error)
            continue
        if code >= 0 and record.exit_code != code and fault.name not in _WITHOUT_RECORD:
            yield f"the record says exit code {record.exit_code}, the process {code}"
        if code < 0 and record.exit_code is not None:
            yield f"the record of a killed session says exit code {record.exit_code}"
        if len(record.points) != len(session.rates):
            yield f"the record has {len(record.points)} points"
        for point in record.points:
            yield from _of_point(point)
        passed = [point.id for point in record.points if point.outcome is Outcome.PASS]
        if code == PASSED and len(passed) != len(session.rates):
            yield "it exits 0 and not all points passed"
        if fault.spoils and harmed and passed:
            yield f"{passed[0]} passed all the same"
        if moment == "second" and harmed and record.points[0].status is not PointStatus.JUDGED:
            yield "the first point's result is lost"
        if fault.name not in _WITHOUT_RECORD:
            yield from _against_the_log(session, record)


def _too_late(session: Session) -> bool:
    """Whether the fault may have come when the point's window had ended: it does not spoil the point then.

    A busy machine may take long to find the processes to harm.
    """
    for path in session.reports.glob("*.json"):
        with suppress(RecordError):
            point = records.load(path).points[0]
            began = point.started.timestamp() if point.started else session.acted_at
            return session.acted_at >= began + fleet.LEAD + session.ramp + WINDOW - LEAST
    return False


def _of_point(point: PointRecord) -> Iterator[str]:
    if point.outcome is not Outcome.PASS:
        return
    if isinstance(point.measurement, StorageMeasurementRecord):
        done, due = point.measurement.iops.total, point.measurement.offered.total
        if done < 0.8 * due:
            yield f"{point.id} passed with {done:.1f} of {due:.1f} I/Os a second"
        if point.measurement.missing:
            yield f"{point.id} passed without {', '.join(point.measurement.missing)}"
    if not isinstance(point.measurement, HttpMeasurementRecord):
        return
    counts = point.measurement.counts
    planned = round(point.point.rate * point.point.duration) if isinstance(point.point, HttpPoint) else 0
    if abs(counts.due - planned) > 8:
        yield f"{point.id} passed with {counts.due} requests due, {planned} planned"
    if counts.completed < 0.8 * counts.due:
        yield f"{point.id} passed with {counts.completed} of {counts.due} requests completed"


def _against_the_log(session: Session, record: RunRecord) -> Iterator[str]:
    """What the terminal summary says of a point stands in the record, too."""
    for line in session.said:
        word, _, rest = line.partition("  ")
        for point in record.points:
            if rest.split()[:1] == [point.id] and word.isupper():
                outcome = point.outcome or point.status
                if word.lower().replace(" ", "_") not in (str(outcome), str(point.status)):
                    yield f"the terminal says {word} of {point.id}, the record {outcome}"


def _excused(session: Session, code: int) -> bool:
    """What a busy machine may do to a harmless run: its generators send too late, and the suite says so, or
    the few blocks of so short a point differ so much that they cannot decide.
    """
    late = any("sent too late" in line or "no CPU to spare" in line for line in session.said)
    return code == INCONCLUSIVE or (code in (INVALID, FAILED) and late)


def users(session: Session) -> Iterator[str]:
    """Ids of the users that the session's runs made: their keypairs are listed by user only."""
    for path in journal.journals(session.folder / "state" / "kb" / "runs"):
        kinds: dict[int, str] = {}
        for line in path.read_bytes().split(b"\n"):
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                if entry["op"] == "intend":
                    kinds[entry["seq"]] = entry["kind"]
                elif entry["op"] == "created" and kinds.get(entry["seq"]) == "user":
                    yield entry["id"]
