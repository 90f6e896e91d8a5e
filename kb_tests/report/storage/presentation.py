"""How storage points are shown."""

from __future__ import annotations

from collections.abc import Sequence

from kb_tests.report.charts.description import Chart
from kb_tests.report.record import PointRecord, TopologyRecord
from kb_tests.report.shown import Column, Presentation, in_window
from kb_tests.report.storage import charts, view
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.report.storage.shown import StorageShown
from kb_tests.report.views import PointView, ScenarioView
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.units import counted


class StoragePresentation(Presentation[StoragePoint]):
    """How storage points are shown."""

    unit = "IOPS"
    things = "I/Os"

    def shown(self, record: PointRecord, topology: TopologyRecord | None = None) -> StorageShown:  # noqa: ARG002 (its servers name their hosts)
        """A point that was measured."""
        assert isinstance(record.point, StoragePoint)
        assert isinstance(record.measurement, StorageMeasurementRecord)
        return StorageShown(record.point, record.measurement.restore())

    def columns(self, checks: Sequence[str]) -> list[Column]:
        """Rates, each latency that has a limit, stalls, errors."""
        return view.columns(checks)

    def series(self, point: StoragePoint) -> str:
        """Each profile is a load of its own."""
        return point.profile

    def closed_loop(self, record: PointRecord) -> tuple[float, ...] | None:
        """I/Os, reads and writes."""
        measured, point = record.measurement, record.point
        if not isinstance(measured, StorageMeasurementRecord) or not isinstance(point, StoragePoint):
            return None
        if point.rate:
            return None
        seconds = measured.seconds
        done = tuple(a + b for a, b in zip(seconds.read_iops, seconds.write_iops, strict=True))
        return in_window(seconds.at, done, measured.duration)

    def load(self, point: StoragePoint, rate: str, among: Sequence[StoragePoint]) -> str:
        """With its servers; and with its profile, unless all the others are of the same one."""
        named = "" if {other.profile for other in among} == {point.profile} else f"{point.profile!r}, "
        return f"{named}{counted(point.clients, 'server')}, {rate}"

    def point_charts(self, point: PointView) -> list[Chart]:
        """Percentiles, the course of time, the servers side by side."""
        return charts.point_charts(point)

    def scale_charts(self, scenario: ScenarioView, name: str) -> list[Chart]:
        """Over the number of servers."""
        return charts.scale_charts(scenario, name)
