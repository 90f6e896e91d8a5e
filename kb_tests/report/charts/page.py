"""The charts of a page: which there are of a point and of a scenario, each with its caption."""

from __future__ import annotations

from typing import assert_never

from kb_tests.report.charts.style import Captioned
from kb_tests.report.http import charts as http
from kb_tests.report.storage import charts as storage
from kb_tests.report.view import PointView, ScenarioView
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.storage import StoragePoint


def point_charts(point: PointView) -> list[Captioned]:
    """Captions and SVG elements of one point; empty if it measured nothing that can be drawn."""
    asked = point.record.point
    match asked:
        case HttpPoint():
            return http.point_charts(point)
        case StoragePoint():
            return storage.point_charts(point)
        case _:
            assert_never(asked)


def scale_charts(scenario: ScenarioView, run: str) -> list[Captioned]:
    """Captions and SVG elements across the points of a scenario; empty for a single one."""
    name = f"{run}-{scenario.name}"
    return http.scale_charts(scenario, name) + storage.scale_charts(scenario, name)
