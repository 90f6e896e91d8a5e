"""The charts of a page: which there are of a point and of a scenario, each with its caption."""

from __future__ import annotations

from kb_tests.report.charts.style import Captioned
from kb_tests.report.view import PointView, ScenarioView
from kb_tests.report.workloads import WORKLOADS, presentation


def point_charts(point: PointView) -> list[Captioned]:
    """Captions and SVG elements of one point; empty if it measured nothing that can be drawn."""
    return presentation(point.record.point).point_charts(point)


def scale_charts(scenario: ScenarioView, run: str) -> list[Captioned]:
    """Captions and SVG elements across the points of a scenario; empty for a single one."""
    kinds = dict.fromkeys(point.record.point.kind for point in scenario.points)
    name = f"{run}-{scenario.name}"
    return [chart for kind in kinds for chart in WORKLOADS[kind].presentation().scale_charts(scenario, name)]
