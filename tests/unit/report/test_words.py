from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.report import telling, words
from kb_tests.report.http.figures import Figures
from kb_tests.report.record import PointStatus
from kb_tests.sla.verdict import Check, Outcome
from tests.unit.report import build


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (
            build.check("latency p99", 0.182, 0.050),
            "p99 of response time 182ms is over its limit 50ms by 132ms (3.6x)",
        ),
        (
            build.check("latency p99", 0.05004, 0.050),
            "p99 of response time 50.04ms is over its limit 50ms by 40µs (1x)",
        ),
        (build.check("latency p50", 0.004, 0.010), "p50 of response time 4ms keeps its limit 10ms"),
        (
            build.check("latency p99", math.inf, 0.050),
            "p99 of response time is beyond measure, its limit 50ms: too many requests failed",
        ),
        (
            build.check("latency p99", math.nan, 0.050, outcome=Outcome.FAIL),
            "p99 of response time has no value to hold against its limit 50ms",
        ),
        (
            build.check("latency p99", 0.0495, 0.050, outcome=Outcome.INCONCLUSIVE),
            "p99 of response time 49.5ms cannot be told from its limit 50ms: it may be from 48ms to 51ms",
        ),
        (
            replace(
                build.check("achieved", 0.92, 0.9, unit="", at_most=False, outcome=Outcome.INCONCLUSIVE),
                low=-math.inf,
                high=math.inf,
            ),
            "achieved rate 92% cannot be told from its limit 90%: the sample is too short to say anything",
        ),
        (
            build.check("max_stall", 1.046, 1.0),
            "max stall 1.05s is over its limit 1s by 46ms (1.05x)",
        ),
        (
            build.check("achieved", 0.932, 0.99, unit="", at_most=False),
            "achieved rate 93.2% is under its limit 99% by 5.8 points",
        ),
        (
            build.check("achieved", 0.98999, 0.99, unit="", at_most=False),
            "achieved rate 98.999% is under its limit 99% by 0.001 points",
        ),
        (
            build.check("errors", 0.01, 0.001, unit=""),
            "error rate 1% is over its limit 0.1% by 0.9 points (10x)",
        ),
        (build.check("errors", 0.01, 0.0, unit=""), "error rate 1% is over its limit 0% by 1 point"),
        (build.check("staging", 150, 120), "staging 150s is over its limit 120s by 30s (1.2x)"),
        (
            build.check("latency p50", 5.12, 0.010),
            "p50 of response time 5.12s is over its limit 10ms by 5.11s (512x)",
        ),
        (
            build.check("read_latency p99", 0.030, 0.020),
            "p99 of read latency 30ms is over its limit 20ms by 10ms (1.5x)",
        ),
        (build.check("max_stall", 2.0, 1.0), "max stall 2s is over its limit 1s by 1s (2x)"),
        (
            build.check("bandwidth", 49e6, 60e6, unit="B/s", at_most=False),
            "bandwidth 46.73MiB/s is under its limit 57.22MiB/s by 10.49MiB/s",
        ),
        (
            build.check("iops", 93.4, 100, unit="1/s", at_most=False),
            "iops 93.4/s is under its limit 100/s by 6.6/s",
        ),
    ],
)
def test_a_check_says_what_it_found_and_by_how_much(check: Check, sentence: str) -> None:
    assert words.sentence(check) == sentence


@given(st.floats(1e-6, 3600), st.floats(1e-6, 3600), st.sampled_from(["s", "", "1/s", "B/s"]), st.booleans())
def test_a_broken_limit_never_reads_as_a_kept_one(
    value: float, limit: float, unit: str, at_most: bool
) -> None:
    check = build.check("any", value, limit, unit=unit, at_most=at_most)
    told = words.sentence(check)
    assert (" keeps " in told) == (check.outcome is Outcome.PASS)
    assert "to spare" in words.margin(check) if check.outcome is Outcome.PASS else "spare" not in told


@given(st.floats(0, 1))
def test_a_share_below_one_is_never_rounded_to_all(part: float) -> None:
    assert (words.share(part) == "100%") == (part == 1)
    assert (words.share(part) == "0%") == (part == 0)
    assert "e" not in words.share(part)


@pytest.mark.parametrize(
    ("check", "margin"),
    [
        (build.check("latency p99", 0.182, 0.050), "132ms (3.6x) over"),
        (build.check("latency p99", 0.004, 0.050), "46ms to spare"),
        (build.check("achieved", 0.932, 0.99, unit="", at_most=False), "5.8 points short"),
        (build.check("achieved", 0.9999, 0.99, unit="", at_most=False), "0.99 points to spare"),
        (build.check("latency p99", math.inf, 0.050), "beyond measure"),
        (build.check("latency p99", math.nan, 0.050), "-"),
    ],
)
def test_the_margin_of_a_check(check: Check, margin: str) -> None:
    assert words.margin(check) == margin


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (18621.4, "18,621"),
        (93.44, "93.4"),
        (500, "500"),
        (0, "0"),
        (math.nan, "-"),
        (math.inf, "beyond measure"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert words.number(value) == text


def test_a_point_says_why_it_is_no_plain_pass() -> None:
    assert telling.findings(build.judged()) == []
    assert telling.findings(build.judged(share=0.93, failing=0.02))[0] == (
        "error rate 8.86% is over its limit 0.1% by 8.76 points (89x): 8,400 unsent, 2,232 http_5xx"
    )
    assert telling.findings(build.judged(median=1.0, reasons=["2 of 4 generators are missing."])) == [
        "2 of 4 generators are missing."
    ]
    assert telling.findings(build.without(PointStatus.LOST, "worker gw0 crashed")) == ["worker gw0 crashed"]


def test_a_percentile_counts_requests_without_a_good_answer_as_slowest() -> None:
    timed = Histogram.of([0.001, 0.002, 0.003, 5.0])
    figures = Figures(1.0, 4.0, 3.0, 0.0, Counts(due=4, completed=3, errors={"timeout": 1}), timed, timed)
    assert figures.percentile(50) == pytest.approx(0.002)
    assert figures.percentile(75) == pytest.approx(0.003, rel=1e-3)
    assert figures.percentile(76) == math.inf
    assert figures.bad == 0.25


def test_without_a_sample_there_is_no_percentile() -> None:
    figures = Figures(1.0, 0.0, 0.0, 0.0, Counts(), Histogram(), Histogram())
    assert math.isnan(figures.percentile(99))
    assert math.isnan(figures.share)
    assert math.isnan(figures.bad)


def test_control_characters_become_blanks() -> None:
    assert words.printable("a\x1b[31mb\r\nc\u202ed") == "a [31mb  c d"


def test_a_capacity_that_nothing_bounds_from_above_is_at_least_so_much() -> None:
    found = replace(
        build.check("capacity", 2000, 0), unit="requests/s", at_most=False, low=1935, high=math.inf
    )
    assert words.interval(found) == "1,935 requests/s at least"
