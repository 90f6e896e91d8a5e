"""The charts of HTTP points, described."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from kb_tests.report import by_host, words
from kb_tests.report.charts import percentiles, series, strip
from kb_tests.report.charts.description import Chart, Limit, Plot, Series, Strips
from kb_tests.report.charts.percentiles import Curve, Hurdle
from kb_tests.report.http import scale_chart as scale
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import SecondColumns
from kb_tests.report.http.shown import LATENCY, HttpShown
from kb_tests.report.marks import RecoveryRecord
from kb_tests.report.views import PointView, ScenarioView
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.units import counted
from kb_tests.sla.verdict import Check

Limits = Sequence[tuple[float, Check]]
"""(percent, check)"""


def point_charts(point: PointView) -> list[Chart]:
    """What there is to draw of one point; empty if it measured nothing that can be drawn."""
    shown = point.shown
    if not isinstance(shown, HttpShown):
        return []
    limits = list(_limits(point))
    seconds, figures = shown.measurement.seconds, shown.figures
    made: list[Chart | None] = [
        by_percentile(figures, limits, point.anchor),
        over_time(seconds, figures.duration, figures.offered, limits, point.anchor, point.record.recovery),
        _generators(shown, point.anchor),
    ]
    return [chart for chart in made if chart is not None]


def scale_charts(scenario: ScenarioView, name: str) -> list[Chart]:
    """What there is to draw across the points of a scenario; empty for a single one."""
    entries = _entries(scenario)
    if len(entries) < 2:
        return []
    limits: Mapping[float, float] = {
        percent: check.limit for point in scenario.points for percent, check in _limits(point)
    }
    made = (scale.latency(entries, limits, name), scale.achieved(entries, name))
    return [chart for chart in made if chart is not None]


def by_percentile(figures: Figures, limits: Limits, name: str) -> Plot | None:
    """Response time, and service time to compare it with. None if nothing was answered.

    Failed requests are the slowest, so that the curve ends where only they are left.
    """
    due = figures.counts.due
    answered = min(figures.counts.completed, figures.response.count)
    if not due or not answered:
        return None
    reach = math.log10(due)
    end = reach if answered == due else min(reach, math.log10(due / (due - answered)))
    return percentiles.plot(
        f"percentiles-{name}",
        "Response time by percentile",
        (
            Curve("service time", figures.service, due, answered, end, role="compared"),
            Curve("response time", figures.response, due, answered, end),
        ),
        [Hurdle(percent, check, "response time") for percent, check in limits],
        failed=(end, f"{words.share(1 - answered / due)} failed") if answered < due else None,
    )


def over_time(
    seconds: SecondColumns,
    duration: float,
    offered: float,
    limits: Limits,
    name: str,
    marked: Sequence[RecoveryRecord] = (),
) -> Plot | None:
    """Rates, p50 and p99 of each second, with limits. `offered` is requests/s, 0 for a closed loop."""
    rates = [
        *series.offered(offered, duration),
        Series("successful/s", seconds.at, tuple(map(float, seconds.completed))),
    ]
    if any(seconds.failed):
        rates.append(Series("failed/s", seconds.at, tuple(map(float, seconds.failed)), role="failed"))
    times = (
        Series("p50", seconds.at, seconds.p50, joined="median"),
        Series("p99", seconds.at, seconds.p99, tone=1, joined="worst"),
    )
    told = [
        Limit(f"p{percent:g} ≤ {words.duration(check.limit)}", check.limit, of=f"p{percent:g}")
        for percent, check in limits
        if percent in (50, 99)
    ]
    return series.plot(f"series-{name}", seconds.at, duration, rates, times, told, marked)


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
        group = ""
        if by_scale and len(scales) > 1:
            group = counted(point.clients, "generator")
        elif not by_scale and len(rates) > 1:
            group = f"{point.rate:g}/s each"
        entries.append(scale.Entry(figures, str(record.outcome or ""), group, record.verdict))
    return entries


def _generators(shown: HttpShown, name: str) -> Strips | None:
    found, duration = shown.generators, shown.figures.duration
    return strip.strips(
        f"generators-{name}",
        "Generator by generator",
        [one.name for one in found],
        [by_host.short(one.host) for one in found],
        [
            strip.Row(
                "req/s",
                "number",
                [one.counts.completed / max(duration, 1e-9) for one in found],
                words.number,
            ),
            strip.Row("p99", "time", [one.p99 for one in found], words.duration),
        ],
    )


def _limits(point: PointView) -> Iterator[tuple[float, Check]]:
    verdict = point.record.verdict
    for check in verdict.checks if verdict else ():
        if check.name.startswith(LATENCY):
            yield float(check.name.removeprefix(LATENCY)), check
