"""A run as its page shows it: what the report says, with the figures that charts need beside the words."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kb_tests.history.summary import Summary
from kb_tests.report import words
from kb_tests.report.charts.described import of_scenario
from kb_tests.report.exitcode import MEANING, ExitCode
from kb_tests.report.line import on_line
from kb_tests.report.record import RunRecord
from kb_tests.report.view import view
from kb_tests.report.views import CheckView, PointView, ScenarioView
from kb_tests.report.workloads import presentation
from kb_tests.sla.verdict import Check
from kb_tests.web.archive import when
from kb_tests.web.shapes.runs import CheckShape, Finding, HistoryRow, PointRow, RunShape, ScenarioShape
from kb_tests.web.workloads import WORKLOADS


def run_shape(record: RunRecord, history: Iterable[Summary] = (), tags: tuple[str, ...] = ()) -> RunShape:
    """All that the page of a run shows; raises RecordError if a histogram cannot be read.

    `history` are runs of the same scenarios on the same cloud up to this one, the oldest first.
    """
    seen = view(record)
    return RunShape(
        run=record.run,
        title=record.title,
        cloud=record.cloud,
        testing_cloud=record.testing_cloud,
        state=seen.state,
        banner=seen.banner,
        headline=seen.headline,
        totals=seen.totals,
        started=record.started,
        ended=record.ended,
        exit_code=record.exit_code,
        exit_meaning=meaning(record.exit_code, judged=seen.state != "measured"),
        suite=record.suite,
        notes=seen.notes,
        problems=seen.problems,
        leaks=seen.leaks,
        kept=seen.kept,
        findings=tuple(
            Finding(point=point.record.id, attempt=point.record.attempt, label=point.label, sentence=sentence)
            for point, sentence in seen.findings
        ),
        findings_more=seen.findings_more,
        versions=seen.versions,
        scenarios=tuple(_scenario(scenario, record.run) for scenario in seen.scenarios),
        history=tuple(
            HistoryRow(run=one.run, started=when(one.started), outcome=one.outcome) for one in history
        ),
        tags=tags,
    )


def meaning(code: int | None, *, judged: bool = True) -> str:
    """What an exit code says; "" for none, or one not ours. Where none was `judged` no SLA was kept."""
    if code == ExitCode.OK and not judged:
        return "every point ran, and none was judged"
    return next((text for known, text in MEANING.items() if known == code), "")


def _scenario(scenario: ScenarioView, run: str) -> ScenarioShape:
    kinds = {point.record.point.kind for point in scenario.points}
    return ScenarioShape(
        name=scenario.name,
        kind=next(iter(sorted(kinds)), ""),
        columns=scenario.columns,
        limits=scenario.limits,
        topology=scenario.topology,
        hosts=scenario.hosts,
        settings=scenario.settings,
        points=tuple(point_row(point) for point in scenario.points),
        charts=tuple(of_scenario(scenario, run)),
    )


def point_row(point: PointView) -> PointRow:
    """A point in a table or a ladder."""
    record = point.record
    asked = record.point
    shapes = checks(point)
    face = WORKLOADS[asked.kind]
    named = {check.name: check for check in shapes}
    lead = named.get(face.lead) or next(iter(shapes), None)
    p99 = face.p99(point.shown) if point.shown else math.nan
    return PointRow(
        id=record.id,
        title=point.id,
        attempt=record.attempt,
        scenario=asked.scenario,
        kind=asked.kind,
        label=point.label,
        sentence=next(iter(point.findings), ""),
        load=face.load(asked),
        how=face.how(asked),
        offered=asked.offered,
        unit=presentation(asked).unit,
        looks=point.looks,
        p99=lead.value if lead else (words.duration(p99) if math.isfinite(p99) else ""),
        lead=lead,
        cells=tuple((cell.text, cell.outcome) for cell in point.cells),
        told=point.told,
        tried=len(record.capacity.probes) if record.capacity else 0,
        limit=named[face.lead].limit_value if face.lead in named else math.nan,
        p99_value=p99,
        achieved_share=face.share(point.shown) if point.shown else math.nan,
    )


def checks(point: PointView) -> tuple[CheckShape, ...]:
    """The limits of a point, in words and on the limit line."""
    made = point.record.verdict.checks if point.record.verdict else ()
    return tuple(_check(check, seen) for check, seen in zip(made, point.checks, strict=True))


def _check(check: Check, seen: CheckView) -> CheckShape:
    at = on_line(check.value, check)
    low, high = sorted((on_line(check.low, check), on_line(check.high, check)))
    if not check.limit:  # "none at all" is said of the sample, whatever the true share may be
        low = high = at
    return CheckShape(
        name=check.name,
        subject=seen.subject,
        limit=seen.limit,
        value=seen.value,
        interval=seen.interval,
        margin=seen.margin,
        outcome=seen.outcome,
        detail=seen.detail,
        low=low,
        at=at,
        high=high,
        unit=check.unit,
        limit_value=check.limit,
    )
