"""What a probe counts for a search is what a point's verdict would go by: batches of time, and agents."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, HttpMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.scenario.http import HttpSla
from kb_tests.scenario.storage import StorageSla
from kb_tests.sla.bounds import Share
from kb_tests.sla.capacity.known import verdict
from kb_tests.sla.capacity.model import Counts as Counted
from kb_tests.sla.capacity.model import Limit
from kb_tests.sla.http.capacity import counts
from kb_tests.sla.http.sample import Sample
from kb_tests.sla.storage import capacity as storage
from kb_tests.sla.storage.sample import Sample as StorageSample
from kb_tests.sla.storage.sample import directions
from kb_tests.sla.verdict import Outcome
from tests.unit.measure.io_reports import block, point, report
from tests.unit.report import build

SLA = HttpSla.model_validate({"latency": {"p99": "50ms"}, "errors": "1%"})
EACH = 1000
"""Requests of a generator in a second."""


def with_one_slow(generators: int, slow: int, failed: int = 0) -> HttpMeasurement:
    """Of one generator so many of 1,000 are slow in each second, and so many fail; of the others none."""
    point = build.point(clients=generators, rate=EACH, duration=8)
    good, bad = _second(0, 0, point.page_size), _second(slow, failed, point.page_size)
    blocks = [
        Block(f"client-{place}", float(at), 1.0, *(good if place else bad))
        for at in range(8)
        for place in range(generators)
    ]
    return replace(build.measurement(point), blocks=tuple(blocks))


def _second(slow: int, failed: int, page_size: int) -> tuple[Counts, Histogram, Histogram]:
    done = EACH - failed
    times = Histogram.of([0.004, 0.2], [done - slow, slow])
    errors = {"http_5xx": failed} if failed else {}
    made = Counts(due=EACH, sent=EACH, completed=done, bytes=done * page_size, errors=errors)
    return made, times, times


@pytest.mark.parametrize(("slow", "failed", "limit"), [(60, 0, 0.05), (0, 60, 1.0)])
@pytest.mark.parametrize("generators", [4, 8])
def test_a_generator_that_is_slow_alone_makes_a_probe_as_unsure_as_a_point(
    generators: int, slow: int, failed: int, limit: float
) -> None:
    measured = with_one_slow(generators, slow, failed)
    point = build.point(clients=generators, rate=EACH, duration=8)
    name = "latency p99" if slow else "errors"
    found = counts(point, measured, SLA)[name]
    held(name, found, Sample([measured], point.timeout).slower(limit if slow else math.inf))


def held(name: str, found: Counted, share: Share) -> None:
    """A search's verdict is that of a point."""
    for allowed in (0.002, 0.004, 0.01, 0.02, 0.03):
        above, below = share.p_above(allowed), share.p_below(allowed)
        for error in (0.001, 0.01, 0.1, 0.3):
            wanted = Outcome.PASS if below <= error else Outcome.INCONCLUSIVE
            wanted = Outcome.FAIL if above <= error else wanted
            assert verdict(Limit(name, allowed), [found], error, error) is wanted, (allowed, error)


def test_so_does_a_server_whose_disk_is_slow_alone() -> None:
    asked = point(clients=8)
    reports = [
        report(
            [block(at, float(at), at + 1.0, [0.001] * 94 + [0.001 if n else 0.5] * 6) for at in range(30)],
            agent=f"storage-{n}",
        )
        for n in range(8)
    ]
    measured = measure(asked, reports)
    found = storage.counts(asked, measured, StorageSla.model_validate({"read_latency": {"p99": "50ms"}}))
    share = StorageSample([measured], directions(asked)[0]).slower(0.05)
    assert share.bad == 8 * 30 * 6 / 8
    held("read latency p99", found["read latency p99"], share)
