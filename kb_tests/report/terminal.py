"""The summary at the end of a run, for people at a terminal and readers of CI logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kb_tests.report import telling, words
from kb_tests.report.capacity import sentences
from kb_tests.report.exitcode import meaning
from kb_tests.report.headline import headline
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.report.workloads import presentation
from kb_tests.scenario.units import counted
from kb_tests.sla.verdict import Outcome


@dataclass(frozen=True)
class Line:
    """One line, for `terminalreporter.write_line(line.text, **line.markup)`."""

    text: str
    markup: Mapping[str, bool] = field(default_factory=dict)


def summary(record: RunRecord, path: Path | None) -> list[Line]:
    """What became of one cloud's points, one line each, and why; `path` is where the record is."""
    return [Line(words.printable(line.text), line.markup) for line in _summary(record, path)]


def closing(code: int, html: Path | None = None) -> list[Line]:
    """The last lines: the HTML report, and what the exit code means."""
    lines = [Line(words.printable(f"report: {html}"))] if html else []
    markup = {"green": True} if code == 0 else {"red": True}
    return [*lines, Line(f"exit code {code}: {meaning(code)}", {**markup, "bold": True})]


def _summary(record: RunRecord, path: Path | None) -> Iterator[Line]:
    source = f", loaded from {record.testing_cloud}" if record.testing_cloud else ""
    yield Line(f"cloud {record.cloud}{source}, run {record.run}", {"bold": True})
    yield Line(headline(record), {"bold": True})
    for scenario in record.scenarios:
        if scenario.overrides:
            yield Line(f"scenario {scenario.name}, with {', '.join(scenario.overrides)}")
    rows = [_row(point) for point in record.points]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for point, row in zip(record.points, rows, strict=True):
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield Line("  ".join(cells).rstrip(), _markup(point))
        for finding in telling.findings(point):
            yield Line(f"{'':{widths[0]}}  {finding}")
        if point.capacity is not None and not telling.findings(point):
            for told in sentences(point.capacity):
                yield Line(f"{'':{widths[0]}}  {told}")
        for told in telling.disturbances(point):
            yield Line(f"{'':{widths[0]}}  {told}")
        for note in point.remarks:
            yield Line(f"{'':{widths[0]}}  note: {note}")
    for problem in record.problems:
        yield Line(f"problem: {problem}", {"red": True})
    for failure in record.failures:
        yield Line(f"failed: {failure}", {"red": True})
    for sentence in record.kept:
        yield Line(f"kept: {sentence}", {"yellow": True, "bold": True})
    for leak in record.leaks:
        yield Line(f"left on the cloud: {leak}", {"red": True})
    yield Line(telling.totals(record))
    if record.notes:
        more = (
            f" (and {counted(len(record.notes) - 1, 'more note')} in the record)"
            if len(record.notes) > 1
            else ""
        )
        yield Line(f"note: {record.notes[0]}{more}", {"yellow": True})
    yield Line(f"record: {path}" if path else "record: could not be written", {} if path else {"red": True})


def _row(point: PointRecord) -> tuple[str, str, str, str, str]:
    name = telling.label(point).upper()
    if point.measurement is None:
        return name, point.title, "", "", ""
    return name, point.title, *presentation(point.point).shown(point).row()


def _markup(point: PointRecord) -> dict[str, bool]:
    if point.outcome is Outcome.PASS:
        return {"green": True}
    if point.status in (PointStatus.MEASURED, PointStatus.PAST_STOP_LIMIT):
        return {}
    return {"yellow": True} if point.outcome is Outcome.INCONCLUSIVE else {"red": True}
