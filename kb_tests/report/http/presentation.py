"""How HTTP points are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb_tests.report.charts.description import Chart
from kb_tests.report.http import charts
from kb_tests.report.http import words as http_words
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.shown import LATENCY, UNIT, HttpShown, measured_of
from kb_tests.report.record import PointRecord, TopologyRecord
from kb_tests.report.shown import Column, Presentation, in_window
from kb_tests.report.terms import ERROR_RATE
from kb_tests.report.views import PointView, ScenarioView
from kb_tests.scenario.http import HttpPoint


def _timeout(record: PointRecord) -> float:
    return record.point.timeout if isinstance(record.point, HttpPoint) else math.inf


class HttpPresentation(Presentation[HttpPoint]):
    """How HTTP points are shown."""

    unit = UNIT
    things = "requests"

    def shown(self, record: PointRecord, topology: TopologyRecord | None = None) -> HttpShown:
        """A point that was measured."""
        measurement = measured_of(record)
        assert measurement is not None
        return HttpShown(record, measurement, Figures.of(measurement, _timeout(record)), topology)

    def columns(self, checks: Sequence[str]) -> list[Column]:
        """Offered, achieved, each percentile that has a limit, errors."""
        percentiles = {name.removeprefix("latency ") for name in checks if name.startswith(LATENCY)}
        ordered = sorted(percentiles or ("p50", "p99"), key=lambda name: float(name[1:]))
        return [
            ("Offered", ""),
            ("Achieved", "achieved"),
            *((percentile, f"latency {percentile}") for percentile in ordered),
            (ERROR_RATE.text.capitalize(), "errors"),
        ]

    def closed_loop(self, record: PointRecord) -> tuple[float, ...] | None:
        """Successful requests."""
        measured = measured_of(record)
        if measured is None or not isinstance(record.point, HttpPoint) or record.point.rate:
            return None
        return in_window(measured.seconds.at, measured.seconds.completed, measured.duration)

    def failures(self, record: PointRecord) -> str:
        """How requests ended that failed."""
        measurement = measured_of(record)
        return http_words.failures(measurement.counts) if measurement else ""

    def point_charts(self, point: PointView) -> list[Chart]:
        """Percentiles, the course of time, the generators side by side."""
        return charts.point_charts(point)

    def scale_charts(self, scenario: ScenarioView, name: str) -> list[Chart]:
        """Over load."""
        return charts.scale_charts(scenario, name)
