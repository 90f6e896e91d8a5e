"""How HTTP points are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kb_tests.report import words
from kb_tests.report.by_host import Table
from kb_tests.report.http import hosts
from kb_tests.report.http import words as http_words
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointRecord, TopologyRecord
from kb_tests.report.shown import Column, Pairs, Presentation, Property, Shown, in_window
from kb_tests.report.terms import ERROR_RATE
from kb_tests.scenario.http import HttpPoint

if TYPE_CHECKING:
    from kb_tests.report.charts.description import Chart
    from kb_tests.report.view import PointView, ScenarioView

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
LATENCY = "latency p"


def measured_of(record: PointRecord) -> HttpMeasurementRecord | None:
    """What was measured, if it is an HTTP point."""
    return record.measurement if isinstance(record.measurement, HttpMeasurementRecord) else None


def _timeout(record: PointRecord) -> float:
    return record.point.timeout if isinstance(record.point, HttpPoint) else math.inf


@dataclass(frozen=True)
class HttpShown(Shown):
    """An HTTP point."""

    record: PointRecord
    measurement: HttpMeasurementRecord
    figures: Figures
    topology: TopologyRecord | None

    @cached_property
    def generators(self) -> Sequence[hosts.Generator]:
        """One by one."""
        return hosts.generators(self.measurement, self.topology, self.figures.timeout)

    def cell(self, column: Column) -> str:
        """The text of one cell."""
        heading, name = column
        figures = self.figures
        if heading == "Offered":
            offered = f"{words.number(figures.offered)} {HttpPresentation.unit}"
            return offered if figures.offered else "closed loop"
        if name == "achieved":
            return words.share(figures.share) if figures.offered else words.number(figures.achieved)
        if name == "errors":
            return words.share(figures.bad)
        seconds = figures.percentile(float(name.removeprefix(LATENCY)))
        return words.duration(seconds) if seconds < math.inf else "∞"

    def row(self) -> tuple[str, str, str]:
        """The rate, the median and the 99th percentile."""
        p50, p99 = (words.duration(self.figures.percentile(percent)) for percent in (50, 99))
        return http_words.rate(self.figures), f"p50 {p50}", f"p99 {p99}"

    def facts(self) -> Pairs:
        """Counts, the window, the state of the generators."""
        return http_words.facts(self.record, self.measurement, self.figures)

    def hosts(self) -> Table | None:
        """From host to host."""
        return hosts.of_http(self.generators, self.figures.duration)

    def properties(self) -> list[Property]:
        """As listed in `report.junit`."""
        figures, counts = self.figures, self.figures.counts
        found: list[Property] = [
            ("kb.offered", figures.offered),
            ("kb.achieved", figures.achieved),
            ("kb.achieved_share", figures.share),
            ("kb.throughput_bytes", figures.throughput),
            ("kb.duration", figures.duration),
            *((f"kb.requests.{key}", getattr(counts, key)) for key in ("due", "sent", "completed", "failed")),
            *((f"kb.requests.{key}", getattr(counts, key)) for key in ("unsent", "inflight")),
            *((f"kb.errors.{kind}", count) for kind, count in sorted(counts.errors.items())),
            *((f"kb.response.p{percent:g}", figures.percentile(percent)) for percent in PERCENTILES),
            ("kb.response.max", figures.response.max),
        ]
        if connections := self.measurement.connections:
            found += [(f"kb.connections.{key}", value) for key, value in asdict(connections).items()]
        if start := self.measurement.start:
            found += [
                ("kb.warm_up.seconds", start.seconds),
                ("kb.warm_up.settled", str(start.settled).lower()),
            ]
        return found


class HttpPresentation(Presentation[HttpPoint]):
    """How HTTP points are shown."""

    unit = "req/s"
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
        from kb_tests.report.http import charts

        return charts.point_charts(point)

    def scale_charts(self, scenario: ScenarioView, name: str) -> list[Chart]:
        """Over load."""
        from kb_tests.report.http import charts

        return charts.scale_charts(scenario, name)
