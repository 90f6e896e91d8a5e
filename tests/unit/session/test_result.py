"""What tests of one's own are handed: no figure that leaves out what failed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.session.http.result import HttpResult
from tests.unit.report import build

POINT = build.point(clients=1, rate=100, duration=10.0)


def result(counts: Counts, taken: Histogram) -> HttpResult:
    measurement = replace(build.measurement(POINT), counts=counts, response=taken, service=taken)
    return HttpResult(POINT, measurement)


def test_a_cloud_that_fails_nine_of_ten_requests_fast_keeps_no_limit() -> None:
    found = result(
        Counts(due=1000, sent=1000, completed=99, errors={"http_5xx": 901}), Histogram.of([0.002], [99])
    )
    for latency in (found.latency, found.response, found.service):
        assert latency.percentile(99) == latency.percentile(10) == math.inf
        assert latency.percentile(9) < 0.003
        assert not latency.percentile(99) < 0.050
    assert found.errors == pytest.approx(0.901)


def test_of_what_was_good_the_figures_are_those_of_the_histogram() -> None:
    taken = Histogram.of([0.002, 0.02], [990, 10])
    found = result(Counts(due=1000, sent=1000, completed=1000), taken)
    assert found.latency.percentiles([50, 99, 100]) == taken.percentiles([50, 99, 100])
    assert found.latency.mean == taken.mean
    assert found.errors == 0


def test_without_any_request_nothing_is_good() -> None:
    found = result(Counts(), Histogram())
    assert not found.latency.percentile(99) < 1
    assert found.errors == 1


def test_a_closed_loop_has_no_response_times_that_users_see() -> None:
    found = HttpResult(replace(POINT, rate=0.0), build.measurement(POINT))
    with pytest.raises(ScenarioError, match="Name a rate, or ask for `service`"):
        _ = found.latency
    assert found.service.percentile(50) > 0
