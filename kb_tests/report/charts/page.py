"""The charts of a page: which there are of a point and of a scenario, each with its caption."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from kb_tests.report.charts import percentiles, scale, series
from kb_tests.report.view import PointView, ScenarioView
from kb_tests.sla.verdict import Check

LATENCY = "latency p"

Captioned = tuple[str, Markup]


def point_charts(point: PointView) -> list[Captioned]:
    """Captions and SVG elements of one point; empty if it measured nothing that can be drawn."""
    if point.figures is None or point.record.measurement is None:
        return []
    limits = list(_limits(point))
    seconds = point.record.measurement.seconds
    figures = point.figures
    drawn = [
        ("Response time by percentile", percentiles.chart(figures, limits, point.anchor)),
        ("Over time", series.chart(seconds, figures.duration, figures.offered, limits, point.anchor)),
    ]
    return [(caption, svg) for caption, svg in drawn if svg is not None]


def scale_charts(scenario: ScenarioView, run: str) -> list[Captioned]:
    """Captions and SVG elements across the points of a scenario; empty for a single one."""
    entries = [
        scale.Entry(point.figures, str(point.record.outcome or ""))
        for point in scenario.points
        if point.figures is not None
    ]
    if len(entries) < 2:
        return []
    limits = {percent: check.limit for point in scenario.points for percent, check in _limits(point)}
    name = f"{run}-{scenario.name}"
    drawn = [
        ("Response time over load", scale.latency(entries, limits, name)),
        ("Achieved over load", scale.achieved(entries, name)),
    ]
    return [(caption, svg) for caption, svg in drawn if svg is not None]


def _limits(point: PointView) -> Iterator[tuple[float, Check]]:
    verdict = point.record.verdict
    for check in verdict.checks if verdict else ():
        if check.name.startswith(LATENCY):
            yield float(check.name.removeprefix(LATENCY)), check
