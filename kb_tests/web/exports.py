"""A run for other programs: its points as JUnit XML and as CSV, a point's seconds as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as Xml

from kb_tests.report import telling, words
from kb_tests.report.junit import properties
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.sla.verdict import Outcome
from kb_tests.web.shapes.points import Seconds

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(record: RunRecord) -> bytes:
    """JUnit XML: a test for each attempt at a point, its figures as properties (see `report.junit`)."""
    points = record.points
    suite = Xml.Element("testsuite", name="kb_tests", tests=str(len(points)))
    suite.set("timestamp", record.started.isoformat())
    counts = {"failure": 0, "error": 0, "skipped": 0}
    for point in points:
        found = Xml.SubElement(
            suite, "testcase", classname=f"kb_tests.{point.point.scenario}", name=_xml(point.id)
        )
        kept = Xml.SubElement(found, "properties")
        for name, value in (("kb.run", record.run), ("kb.attempt", point.attempt), *properties(point)):
            Xml.SubElement(kept, "property", name=_xml(str(name)), value=_xml(str(value)))
        if (kind := _kind(point)) is not None:
            counts[kind] += 1
            said = "; ".join(telling.findings(point)) or point.reason or str(point.status)
            Xml.SubElement(found, kind, message=_xml(words.printable(said)))
    for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(plural, str(counts[kind]))
    root = Xml.Element("testsuites")
    root.append(suite)
    written: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _kind(point: PointRecord) -> str | None:
    """The element by which JUnit says that a test did not pass."""
    if point.outcome is Outcome.PASS or point.status is PointStatus.MEASURED:
        return None
    if point.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        return "failure"
    if point.status in (PointStatus.NOT_RUN, PointStatus.PAST_STOP_LIMIT):
        return "skipped"
    return "error"


def points_csv(record: RunRecord) -> bytes:
    """A line for each attempt at a point, a column for each of its properties in JUnit."""
    rows = [
        {"run": record.run, "cloud": record.cloud, "attempt": point.attempt}
        | {name.removeprefix("kb."): value for name, value in properties(point)}
        for point in record.points
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return _csv(columns, ([row.get(name, "") for name in columns] for row in rows))


def seconds_csv(seconds: Seconds) -> bytes:
    """A line for each second of a point: what succeeded, what failed, and the percentiles, in seconds."""
    columns = ["second", "succeeded", "failed", *(f"{line.of} {line.name}" for line in seconds.lines)]
    values = [seconds.at, seconds.rate, seconds.failed, *(line.values for line in seconds.lines)]
    return _csv(columns, zip(*values, strict=True))


def _csv(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(map(_cell, columns))
    for row in rows:
        writer.writerow(map(_cell, row))
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> object:
    """A value that no spreadsheet runs: texts come from clouds and servers."""
    if not isinstance(value, str):
        return value
    text = words.printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
