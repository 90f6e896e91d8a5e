"""Which charts there are of a point and of a scenario; nothing is drawn here."""

from __future__ import annotations

from kb_tests.report import scaling
from kb_tests.report.charts import capacity
from kb_tests.report.charts.description import Chart
from kb_tests.report.views import PointView, ScenarioView
from kb_tests.report.workloads import WORKLOADS, presentation


def of_point(point: PointView) -> list[Chart]:
    """Those of one point; empty if it measured nothing that can be drawn."""
    if point.record.capacity is not None:
        return capacity.charts(point.record.capacity, point.anchor, point.probed)
    return presentation(point.record.point).point_charts(point)


def of_scenario(scenario: ScenarioView, run: str) -> list[Chart]:
    """Those across the points of a scenario; empty for a single one."""
    kinds = dict.fromkeys(point.record.point.kind for point in scenario.points)
    name = f"{run}-{scenario.name}"
    made = [chart for kind in kinds for chart in WORKLOADS[kind].scale_charts(scenario, name)]
    of_scaling = (scaling.chart(one, f"{name}-{place}") for place, one in enumerate(scenario.scaling))
    return made + [chart for chart in of_scaling if chart is not None]
