"""One description of a chart: what the report's picture shows is all in it, and nothing else."""

from __future__ import annotations

import dataclasses
import math
import re

from kb_tests.report.charts import plot
from kb_tests.report.charts.described import of_point, of_scenario
from kb_tests.report.charts.description import Axis, Band, Lane, Limit, Mark, Plot, Rows, Series, Strips
from kb_tests.report.charts.page import draw
from kb_tests.report.view import view
from tests.unit.report import build


def words_of(svg: object) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", str(svg))


def chart(*lanes: Lane, **parts: object) -> Plot:
    made = Plot("a", "Some title", "p99 is 30ms", Axis("number", low=0.0), lanes, Rows(("x",), ()))
    return dataclasses.replace(made, **parts)  # type: ignore[arg-type]


def test_what_a_description_says_in_words_stands_in_the_picture() -> None:
    series = Series(
        "p99",
        (1.0, 2.0),
        (0.02, 0.03),
        outcomes=("pass", "fail"),
        texts=("no. 1", "no. 2"),
        group="4 servers",
    )
    made = chart(
        Lane(Axis("time", scale="log"), (series,), (Limit("p99 ≤ 50ms", 0.05, of="p99"),)),
        Lane(Axis("number", label="rate"), (Series("rate", (1.0, 2.0), (1.0, 2.0)),)),
        bands=(Band(1.0, 2.0, "open", "cannot tell"),),
        marks=(Mark(1.5, "pulled link"),),
    )
    shown = [text.strip() for text in words_of(plot.draw(made))]
    for text in ("p99", "no. 1", "no. 2", "4 servers", "p99 ≤ 50ms", "rate", "cannot tell", "pulled link"):
        assert text in shown, text
    assert {"pass", "fail"} <= set(shown)
    assert "<title>Some title: p99 is 30ms</title>" in str(plot.draw(made))


def test_bounds_are_whiskers_where_values_are_marked_and_a_band_where_not() -> None:
    bounds = {"low": (0.01, 0.02), "high": (0.03, math.inf)}
    line = Series("p99", (1.0, 2.0), (0.02, 0.03), **bounds)  # type: ignore[arg-type]
    band = str(plot.draw(chart(Lane(Axis("time", scale="log"), (line,)))))
    marked = dataclasses.replace(line, outcomes=("pass", "inconclusive"))
    whiskers = str(plot.draw(chart(Lane(Axis("time", scale="log"), (marked,)))))
    assert "opacity: 0.2" in band
    assert "opacity: 0.2" not in whiskers
    assert "nan" not in (band + whiskers).lower()


def test_what_has_no_value_is_no_picture() -> None:
    nothing = Series("p99", (1.0,), (math.nan,))
    assert plot.draw(chart(Lane(Axis("time", scale="log"), (nothing,)))) is None
    assert plot.draw(chart()) is None


def test_every_chart_of_a_record_has_its_table_and_its_sentence() -> None:
    record = build.run([build.judged(build.point(clients, 1000)) for clients in (2, 4)], cloud="east")
    scenario = view(record).scenarios[0]
    charts = [*of_point(scenario.points[0]), *of_scenario(scenario, record.run)]
    assert len(charts) == 5
    assert len({one.name for one in charts}) == 5
    for one in charts:
        assert one.says, one.title
        assert one.table.rows, one.title
        assert {len(row) for row in one.table.rows} == {len(one.table.columns)}
        assert draw(one) is not None


def test_bounds_of_judged_points_stand_over_the_load() -> None:
    record = build.run([build.judged(build.point(clients, 1000)) for clients in (2, 4)])
    (over, _) = of_scenario(view(record).scenarios[0], record.run)
    assert isinstance(over, Plot)
    (check,) = (
        check
        for check in record.points[0].verdict.checks  # type: ignore[union-attr]
        if check.name == "latency p99"
    )
    lines = [line for line in over.lanes[0].series if line.name == "p99"]
    assert lines[0].low[0] == check.low
    assert lines[0].high[0] == check.high


def test_a_server_far_off_is_said() -> None:
    record = build.run([build.judged(build.point(4, 1000))])
    strips = of_point(view(record).scenarios[0].points[0])[-1]
    assert isinstance(strips, Strips)
    assert strips.says == "none is far from the others"


def test_a_percentile_beyond_measure_is_said_of_the_load_that_has_it() -> None:
    points = [build.judged(build.point(4, 1000)), build.judged(build.point(4, 4000), failing=0.02)]
    record = build.run(points)
    (over, _) = of_scenario(view(record).scenarios[0], record.run)
    assert isinstance(over, Plot)
    assert over.says.startswith("p99.9 ")
    assert " to beyond measure, limit p99.9" in over.says
    assert over.lanes[0].series[-1].beyond == (16000.0,)
