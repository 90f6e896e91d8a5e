"""The charts of a page: which there are of a point and of a scenario, and each as a static picture."""

from __future__ import annotations

from markupsafe import Markup

from kb_tests.report.charts import plot, strips
from kb_tests.report.charts.described import of_point, of_scenario
from kb_tests.report.charts.description import Chart, Plot
from kb_tests.report.charts.style import Captioned
from kb_tests.report.views import PointView, ScenarioView


def point_charts(point: PointView) -> list[Captioned]:
    """Captions and SVG elements of one point; empty if it measured nothing that can be drawn."""
    return _drawn(of_point(point))


def scale_charts(scenario: ScenarioView, run: str) -> list[Captioned]:
    """Captions and SVG elements across the points of a scenario; empty for a single one."""
    return _drawn(of_scenario(scenario, run))


def draw(chart: Chart) -> Markup | None:
    """A chart as an SVG element; None where it has nothing that can be drawn."""
    return plot.draw(chart) if isinstance(chart, Plot) else strips.draw(chart)


def _drawn(charts: list[Chart]) -> list[Captioned]:
    found = [(chart.title, draw(chart)) for chart in charts]
    return [(title, svg) for title, svg in found if svg is not None]
