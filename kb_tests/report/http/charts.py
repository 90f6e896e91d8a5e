"""The charts of HTTP points."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from kb_tests.report import by_host, words
from kb_tests.report.charts import percentiles, series, strip
from kb_tests.report.charts.style import Captioned
from kb_tests.report.http import scale_chart as scale
from kb_tests.report.http.shown import LATENCY, HttpShown
from kb_tests.report.view import PointView, ScenarioView
from kb_tests.scenario.http import HttpPoint
from kb_tests.sla.verdict import Check


def point_charts(point: PointView) -> list[Captioned]:
    """Captions and SVG elements of one point; empty if it measured nothing that can be drawn."""
    shown = point.shown
    if not isinstance(shown, HttpShown):
        return []
    limits = list(_limits(point))
    seconds, figures = shown.measurement.seconds, shown.figures
    drawn = [
        ("Response time by percentile", percentiles.chart(figures, limits, point.anchor)),
        (
            "Over time",
            series.chart(
                seconds,
                figures.duration,
                figures.offered,
                limits,
                point.anchor,
                point.record.recovery,
            ),
        ),
        ("Generator by generator", _generators(shown, point.anchor)),
    ]
    return [(caption, svg) for caption, svg in drawn if svg is not None]


def scale_charts(scenario: ScenarioView, name: str) -> list[Captioned]:
    """Captions and SVG elements across the points of a scenario; empty for a single one."""
    entries = _entries(scenario)
    if len(entries) < 2:
        return []
    limits = {percent: check.limit for point in scenario.points for percent, check in _limits(point)}
    drawn = [
        ("Response time over load", scale.latency(entries, limits, name)),
        ("Achieved over load, requests/s", scale.achieved(entries, name)),
    ]
    return [(caption, svg) for caption, svg in drawn if svg is not None]


def _entries(scenario: ScenarioView) -> list[scale.Entry]:
    """The measured points, in a series for each scale, or for each rate where there are more scales: the same
    load of few generators and of many is not one point of one line.
    """
    measured = [
        (point.shown.figures, point.record) for point in scenario.points if isinstance(point.shown, HttpShown)
    ]
    asked = [record.point for _, record in measured if isinstance(record.point, HttpPoint)]
    scales, rates = {point.clients for point in asked}, {point.rate for point in asked}
    by_scale = len(rates) >= len(scales)
    entries = []
    for (figures, record), point in zip(measured, asked, strict=True):
        series = ""
        if by_scale and len(scales) > 1:
            series = f"{point.clients} generator{'s' if point.clients > 1 else ''}"
        elif not by_scale and len(rates) > 1:
            series = f"{point.rate:g}/s each"
        entries.append(scale.Entry(figures, str(record.outcome or ""), series))
    return entries


def _generators(shown: HttpShown, name: str) -> Markup | None:
    found, duration = shown.generators, shown.figures.duration
    rows = [
        strip.Row("req/s", [one.counts.completed / max(duration, 1e-9) for one in found], words.number),
        strip.Row("p99", [one.p99 for one in found], words.duration),
    ]
    return strip.chart(
        [one.name for one in found],
        [by_host.short(one.host) for one in found],
        rows,
        f"generators-{name}",
        f"The generators of {name} side by side",
    )


def _limits(point: PointView) -> Iterator[tuple[float, Check]]:
    verdict = point.record.verdict
    for check in verdict.checks if verdict else ():
        if check.name.startswith(LATENCY):
            yield float(check.name.removeprefix(LATENCY)), check
