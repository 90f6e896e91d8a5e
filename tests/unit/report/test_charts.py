from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts, Second
from kb_tests.report.charts import percentiles, style
from kb_tests.report.charts.description import Chart
from kb_tests.report.charts.page import draw
from kb_tests.report.http import charts
from kb_tests.report.http import scale_chart as scale
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import HttpMeasurementRecord, SecondColumns
from kb_tests.sla.verdict import Check
from tests.unit.report import build

LARGEST = 32_000
DRAW = settings(
    max_examples=15, deadline=None, phases=(Phase.reuse, Phase.generate)
)  # shrinking takes minutes


def drawn(chart: Chart | None) -> str | None:
    return draw(chart) if chart is not None else None


def texts(chart: Chart | None) -> list[str]:
    """The words in a chart, which must be well-formed, small, and need nothing from elsewhere."""
    svg = drawn(chart)
    assert svg is not None
    assert len(svg) < LARGEST
    root = ET.fromstring(svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'xlink:href="#([^"]+)"', svg))
    assert used <= set(ids)
    assert "nan" not in re.sub(r"<text.*?</text>|<title>.*?</title>", "", svg).lower()
    return [element.text or "" for element in root.iter() if element.tag.endswith(("text", "tspan"))]


def limits() -> list[tuple[float, Check]]:
    return [
        (50.0, build.check("latency p50", 0.004, 0.010)),
        (99.0, build.check("latency p99", 0.182, 0.050)),
        (99.99, build.check("latency p99.99", math.inf, 0.200)),
    ]


def figures(histogram: Histogram, counts: Counts, offered: float = 100.0) -> Figures:
    return Figures(10.0, offered, offered, 0.0, counts, histogram, histogram)


def test_the_percentile_curve_names_nines_and_limits() -> None:
    point = build.judged()
    assert isinstance(point.measurement, HttpMeasurementRecord)
    shown = texts(charts.by_percentile(Figures.of(point.measurement), limits(), "a"))
    assert {"50%", "90%", "99%", "99.9%", "99.99%"} <= set(shown)
    assert {"10ms", "50ms", "200ms"} <= set(shown)


def test_the_percentile_curve_is_that_of_the_histogram() -> None:
    histogram = Histogram.of([0.001, 0.002, 0.005, 0.100], [500, 400, 90, 10])
    places, seconds = percentiles.curve(histogram, 1000, 1000, 3.0)
    for place, second in zip(places, seconds, strict=True):
        percent = 100 * (1 - 10.0**-place)
        assert second == pytest.approx(histogram.percentile(percent), rel=1e-3) or math.isclose(
            percent, round(percent), abs_tol=0.1
        )
    assert seconds[-1] == pytest.approx(0.100, rel=1e-3)


def test_requests_without_a_good_answer_end_the_curve() -> None:
    histogram = Histogram.of([0.001, 5.0], [90, 10])
    svg = charts.by_percentile(
        figures(histogram, Counts(due=100, completed=90, errors={"reset": 10})), limits(), "a"
    )
    assert "10% failed" in texts(svg)


@pytest.mark.parametrize("counts", [Counts(), Counts(due=100, errors={"reset": 100})])
def test_without_an_answer_there_is_no_curve(counts: Counts) -> None:
    assert charts.by_percentile(figures(Histogram(), counts), limits(), "a") is None


def test_five_seconds_and_an_hour_make_charts_of_like_size() -> None:
    sizes = []
    for duration in (5.0, 3600.0):
        point = build.judged(build.point(2, 100, duration))
        assert isinstance(point.measurement, HttpMeasurementRecord)
        svg = charts.over_time(point.measurement.seconds, duration, 200.0, limits(), "a")
        assert {"p50", "p99", "successful/s", "offered/s"} <= set(texts(svg))
        sizes.append(len(drawn(svg) or ""))
    assert sizes[1] < 3 * sizes[0]


def test_a_stall_of_two_seconds_is_seen_in_an_hour() -> None:
    def second(at: int) -> Second:
        stalled = 1800 <= at < 1802
        return Second(float(at), 100, 0 if stalled else 100, 0, 0, 0.001, 2.0 if stalled else 0.002, 2.0)

    columns = SecondColumns.of([second(at) for at in range(3600)])
    assert "1s" in texts(charts.over_time(columns, 3600.0, 100.0, [], "a"))


def test_errors_over_time_are_drawn_where_there_are_any() -> None:
    point = build.judged(failing=0.02)
    assert isinstance(point.measurement, HttpMeasurementRecord)
    assert "failed/s" in texts(charts.over_time(point.measurement.seconds, 30.0, 4000.0, [], "a"))


def test_what_failed_after_the_window_is_shown_behind_it() -> None:
    seconds = [Second(float(at), 100, 100 if at < 9 else 0, 0, 0, 0.001, 0.002, 0.002) for at in range(10)]
    seconds += [Second(10.0, 0, 0, 0, 0, math.nan, math.nan, math.nan)]
    late = Second(11.0, 0, 0, 100, 0, math.nan, math.nan, math.nan)
    plot = charts.over_time(SecondColumns.of([*seconds, late]), 10.0, 100.0, [], "a")
    assert plot is not None
    (failed,) = (one for lane in plot.lanes for one in lane.series if one.role == "failed")
    assert (failed.x[-1], failed.y[-1], plot.x.high) == (11.0, 100.0, 12.0)
    (successful,) = (one for lane in plot.lanes for one in lane.series if one.name == "successful/s")
    assert successful.y[9] == 0.0  # in the window nothing was successful, behind it nothing was due
    assert all(math.isnan(value) for value in successful.y[10:])
    without = charts.over_time(SecondColumns.of(seconds), 10.0, 100.0, [], "a")
    assert without is not None
    assert without.x.high == 10.0


def test_without_a_second_there_is_no_series() -> None:
    assert charts.over_time(SecondColumns.of([]), 30.0, 100.0, [], "a") is None


wild = st.floats(allow_nan=True) | st.floats(0, 10)
numbers = st.integers(0, 1 << 53)


@DRAW
@given(
    st.lists(
        st.builds(Second, st.integers(-5, 4000).map(float), *[numbers] * 4, *[wild] * 3),
        min_size=1,
        max_size=8,
    ),
    st.floats(1, 4000),
    st.floats(0, 1e9),
)
def test_wild_seconds_make_a_chart_or_none(seconds: list[Second], duration: float, offered: float) -> None:
    svg = charts.over_time(
        SecondColumns.of(sorted(seconds, key=lambda second: second.at)), duration, offered, [], "a"
    )
    assert drawn(svg) is None or texts(svg)


@DRAW
@given(
    st.dictionaries(st.floats(0, 3600), st.integers(1, 1 << 40), min_size=1, max_size=4),
    st.integers(0, 1 << 40),
    st.floats(1e-6, 3600),
)
@example({1e-05: 33554433}, 536870911, 3351.1007561993315)
def test_wild_histograms_make_a_curve_or_none(times: dict[float, int], more: int, limit: float) -> None:
    histogram = Histogram.of(list(times), list(times.values()))
    counts = Counts(due=histogram.count + more, completed=histogram.count, unsent=more)
    found = figures(histogram, counts)
    check = build.check("latency p99.9", found.percentile(99.9), limit)
    assert texts(charts.by_percentile(found, [(99.9, check)], "a"))


def entries(count: int, **changes: Any) -> list[scale.Entry]:
    point = build.judged(build.point(1, 100.0), **changes)
    assert isinstance(point.measurement, HttpMeasurementRecord)
    one = Figures.of(point.measurement)
    loads = [100.0 * (index + 1) for index in range(count)]
    return [scale.Entry(replace(one, offered=load, achieved=load), str(point.outcome)) for load in loads]


@pytest.mark.parametrize("count", [1, 2, 100])
def test_charts_over_load_hold_one_point_or_a_hundred(count: int) -> None:
    assert {"p50", "p99", "pass"} <= set(texts(scale.latency(entries(count), {50.0: 0.01, 99.0: 0.05}, "a")))
    assert "pass" in texts(scale.achieved(entries(count), "a"))


def test_points_of_one_scale_are_joined_and_their_line_is_named() -> None:
    twelve = [replace(entry, group=f"{1 + at % 12} generators") for at, entry in enumerate(entries(24))]
    shown = texts(scale.latency(twelve, {50.0: 0.01, 99.0: 0.05}, "a"))
    names = [f"{number} generators" for number in range(1, 13)]
    assert [text for text in shown if text.endswith("generators")] == names
    lost = [replace(entry, group="2 generators") for entry in [*entries(1), *entries(3, failing=0.02)[1:]]]
    assert "2 generators" in texts(scale.latency(lost, {50.0: 0.01, 99.0: 0.05}, "a"))


def test_a_percentile_beyond_measure_is_still_shown() -> None:
    shown = texts(scale.latency(entries(2, failing=0.02), {50.0: 0.01, 99.0: 0.05}, "a"))
    assert "fail" in shown
    assert "p50" in shown


def test_without_points_there_is_no_chart_over_load() -> None:
    nothing = scale.Entry(figures(Histogram(), Counts(), offered=0.0), "invalid")
    assert scale.latency([], {}, "a") is None
    assert scale.achieved([], "a") is None
    assert scale.latency([nothing], {}, "a") is None
    assert texts(scale.achieved([nothing], "a"))


def test_the_same_figures_make_the_same_chart_and_other_names_other_ids() -> None:
    one, again, other = (drawn(scale.achieved(entries(2), name)) for name in ("a", "a", "b"))
    assert one == again
    ids = re.compile(r' id="([^"]+)"')
    assert not set(ids.findall(str(one))) & set(ids.findall(str(other)))


def test_a_name_is_escaped_and_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    svg = drawn(scale.achieved(entries(1), "<b>&"))
    assert svg is not None
    assert "<b>" not in svg
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("top", "expected"),
    [(4480.0, [0, 2000, 4000]), (1.0, [0, 0.5, 1]), (20.0, [0, 10, 20]), (0.31, [0, 0.1, 0.2, 0.3])],
)
def test_ticks_are_round(top: float, expected: list[float]) -> None:
    assert style.ticks(top, most=4) == pytest.approx(expected)


@given(st.floats(1e-6, 1e12), st.integers(3, 8))
def test_ticks_are_neither_too_many_nor_too_few(top: float, most: int) -> None:
    assert 2 <= len(style.ticks(top, most)) <= most
