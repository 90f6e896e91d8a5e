"""Figures by host: the way between two hosts that is slow must show, whatever the others do."""

from __future__ import annotations

import dataclasses
import math

import pytest

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.measure.storage.merge import measure
from kb_tests.report import by_host, html
from kb_tests.report.charts import strip
from kb_tests.report.charts.page import draw
from kb_tests.report.http import hosts as http_hosts
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.hosts import Generator
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.storage import hosts as storage_hosts
from kb_tests.sla.http.sample import Group
from tests.unit.measure.io_reports import frozen_blocks, point, report, steady_blocks
from tests.unit.report import build

HOST_ID = "0f" * 28


def generator(name: str, host: str, peer: str, seconds: float, *, bad: int = 0) -> Generator:
    times = Histogram.of([seconds], [1000 - bad])
    counts = Counts(due=1000, completed=1000 - bad, errors={"timeout": bad} if bad else {})
    return Generator(name, host, peer, counts, times)


def test_the_slowest_way_comes_first() -> None:
    found = [
        generator("a", "one", "one", 0.001),
        generator("b", "one", "two", 0.003),
        generator("c", "one", "two", 0.009),
        generator("d", HOST_ID, "", 0.001, bad=20),
    ]
    table = http_hosts.of_http(found, 10.0)
    assert table is not None
    assert table.rows == (
        ("0f0f0f0f…", "unknown", "1", "98/s", "1ms", "∞", "2%"),
        ("one", "two", "2", "200/s", "3ms", "9.01ms", "0%"),
        ("one", "one", "1", "100/s", "1ms", "1ms", "0%"),
    )
    assert table.more == 0


def test_a_single_host_is_no_breakdown() -> None:
    assert http_hosts.of_http([generator(name, "one", "two", 0.001) for name in "ab"], 10.0) is None
    assert http_hosts.of_http([], 10.0) is None


def test_of_many_hosts_the_slowest_are_shown() -> None:
    found = [generator(str(n), f"host-{n}", "x", 0.001 * (n + 1)) for n in range(15)]
    table = http_hosts.of_http(found, 10.0)
    assert table is not None
    assert (len(table.rows), table.more) == (by_host.ROWS, 3)
    assert table.rows[0][0] == "host-14"


def test_a_slow_disk_shows_by_its_host() -> None:
    reading = dataclasses.replace(point(), clients=3)
    reports = [report(steady_blocks(), agent=f"s-{n}") for n in range(2)]
    frozen = report(frozen_blocks(), agent="s-2", stalls=[(9.5, 2.01)])
    reports.append(dataclasses.replace(frozen, host="h2"))
    table = storage_hosts.of_storage(reading, measure(reading, reports))
    assert table is not None
    assert table.columns == (
        "Servers on", "Servers", "IOPS", "Bandwidth", "read p99", "Longest stall", "Failed",
    )  # fmt: skip
    assert [row[:2] for row in table.rows] == [("h2", "1"), ("h1", "2")]
    assert [row[5] for row in table.rows] == ["2s", "0µs"]


def test_the_page_shows_ways_and_generators() -> None:
    judged = build.judged()
    run = build.run([judged])
    measured = judged.measurement
    assert isinstance(measured, HttpMeasurementRecord)
    found = http_hosts.generators(measured, run.scenarios[0].topology)
    assert [(one.host, one.peer) for one in found] == [
        ("compute-1", "compute-1"),
        ("compute-2", "compute-2"),
    ] * 2
    page = html.render(run)
    assert "By host, the slowest first" in page
    assert "Generator by generator" in page
    assert page.count(">compute-1<") >= 2


@pytest.mark.parametrize(
    ("values", "far"),
    [
        ([1.0, 1.01, 0.99, 5.0], [3]),
        ([1.0, 1.0, math.inf], [2]),
        ([math.inf, math.nan], []),
        ([2.0, 2.0, 2.0], []),
    ],
)
def test_outliers(values: list[float], far: list[int]) -> None:
    assert strip.outliers(values) == far


def test_a_strip_tells_few_hosts_apart_and_draws_many_servers_small() -> None:
    def drawn(hosts: list[str]) -> str:
        values = [1 + n / 1e6 for n in range(len(hosts))]
        row = strip.Row("p99", "time", values, str)
        found = strip.strips("x", "x", [f"s-{n}" for n in range(len(hosts))], hosts, [row])
        assert found is not None
        return str(draw(found))

    assert ">one<" in drawn(["one", "two"])
    assert ">one<" not in drawn(["one", "one"])
    many = drawn([f"host-{n}" for n in range(1000)])
    assert ">host-1<" not in many
    assert len(many) < 32_000
    assert strip.strips("x", "x", ["s"], ["one"], []) is None


def test_a_way_s_percentile_is_the_verdict_s_above_the_timeout_too() -> None:
    """5 of 100 were given up after 1 s; 5 more, which were sent late, were answered after 2 s."""
    times = Histogram.of([0.001, 1.0, 2.0], [90, 5, 5])
    counts = Counts(due=100, completed=95, errors={"timeout": 5})
    judged = Group(100, 95, times, 1.0).percentile(95)
    assert judged == times.at_rank(100)
    found = Figures(10.0, 10.0, 9.5, 0.0, counts, times, times, 1.0)
    assert found.percentile(95) == judged
    assert found.percentile(96) == math.inf
    by_way = [Generator(name, "one", name, counts, times, 1.0) for name in "ab"]
    assert by_way[0].p99 == math.inf
    assert http_hosts._percentile(by_way, 95) == judged
