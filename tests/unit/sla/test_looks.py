"""A later look is judged together with those before it: nothing that was measured is thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.http.merge import measure
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure as measure_storage
from kb_tests.scenario.http import HttpSla
from kb_tests.scenario.storage import StorageSla
from kb_tests.sla.http.judge import judge
from kb_tests.sla.storage.judge import judge as judge_storage
from kb_tests.sla.verdict import Check, Outcome
from tests.unit.measure import io_reports
from tests.unit.measure.reports import POINT, fleet, wire

SECONDS = 30
LONG = replace(POINT, duration=float(SECONDS))


def window(failed: int) -> HttpMeasurement:
    """Of 500 requests a second and generator, `failed` were answered by an error."""
    counts = [wire(500, {"http_5xx": failed})] * SECONDS
    return measure(LONG, fleet(LONG, counts=counts))


def check(measurements: Sequence[HttpMeasurement], **limits: Any) -> Check:
    *earlier, last = measurements
    sla = HttpSla.model_validate(limits)
    found = judge(LONG, last, sla, look=len(measurements), looks=3, earlier=earlier)
    return found.checks[0]


@pytest.mark.parametrize(
    ("failed", "outcome"), [(2, Outcome.PASS), (11, Outcome.FAIL)], ids=["kept", "broken"]
)
def test_three_looks_together_decide_what_none_of_them_can(failed: int, outcome: Outcome) -> None:
    one = window(failed)
    looks = [one] * 3
    limit = {"errors": "1%"} if outcome is Outcome.PASS else {"errors": "1.2%"}
    alone = check([one], **limit)
    assert alone.outcome is Outcome.INCONCLUSIVE
    found = check(looks, **limit)
    assert found.outcome is outcome
    assert found.value == alone.value
    assert alone.low < found.low < found.value < found.high < alone.high
    assert f"{3 * 30_000:,} requests" in found.detail
    assert "in 24 batches of time of 3 looks" in found.detail


def test_every_figure_of_a_check_is_of_all_looks() -> None:
    looks = [window(0), window(20)]
    errors = check(looks, errors="1%")
    assert errors.value == pytest.approx(0.02)
    assert "1,200 of 60,000 requests failed (1,200 http_5xx)" in errors.detail
    achieved = check(looks, achieved="99%")
    assert achieved.value == pytest.approx(0.98)
    assert achieved.low < 0.98 < achieved.high
    slow = check(looks, latency={"p97": "10s"})
    assert slow.value < 0.1
    assert check([looks[1]], latency={"p97": "10s"}).value == float("inf")


def test_looks_that_disagree_decide_nothing() -> None:
    """What conditions do between looks is seen in the spread of their batches."""
    assert check([window(0), window(8), window(1)], errors="1.1%").outcome is Outcome.INCONCLUSIVE
    assert check([window(3), window(3), window(3)], errors="1.1%").outcome is Outcome.PASS


def disk(slow: int, each: int = 300, **cpu: Any) -> StorageMeasurement:
    """Of the `each` reads of each block, of 300 that were due, `slow` took 50 ms."""
    blocks = [
        io_reports.block(
            index,
            3.0 * index,
            3.0 * index + 3,
            [0.001] * (each - slow) + [0.05] * slow,
            lost=(300 - each, 0),
        )
        for index in range(10)
    ]
    return measure_storage(io_reports.POINT, [io_reports.report(blocks, **cpu)])


def test_a_disk_s_looks_are_judged_together() -> None:
    looks = [disk(1)] * 3
    sla = StorageSla.model_validate({"read_latency": {"p99": "20ms"}, "achieved": "95%"})
    alone = judge_storage(io_reports.POINT, looks[0], sla, look=1, looks=3)
    assert alone.checks[0].outcome is Outcome.INCONCLUSIVE
    found = judge_storage(io_reports.POINT, looks[2], sla, look=3, looks=3, earlier=looks[:2])
    assert found.outcome is Outcome.PASS
    assert "9,000 reads in 24 batches of time of 3 looks" in found.checks[0].detail
    errors = next(one for one in found.checks if one.name == "errors")
    assert errors.detail.startswith("0 of 9,000 I/Os failed")


@pytest.mark.parametrize(
    ("later", "alone"), [(4, Outcome.PASS), (60, Outcome.FAIL)], ids=["kept after all", "broken after all"]
)
def test_a_look_that_lacked_cpu_makes_no_verdict_with_later_ones(later: int, alone: Outcome) -> None:
    """Undecided, it did not end the point; what it counted of a smaller load is in the pool all the same."""
    sla = StorageSla.model_validate({"read_latency": {"p95": "20ms"}})
    looks = [disk(4, each=295, cpu=0.5, waiting=0.45), disk(later), disk(later)]
    first = judge_storage(io_reports.POINT, looks[0], sla, look=1, looks=3)
    assert first.outcome is Outcome.INCONCLUSIVE
    assert judge_storage(io_reports.POINT, looks[2], sla, look=3, looks=3).outcome is alone
    found = judge_storage(io_reports.POINT, looks[2], sla, look=3, looks=3, earlier=looks[:2])
    assert found.checks[0].outcome is alone
    assert found.outcome is Outcome.INVALID
    assert "fio had no CPU to spare (over 90%) and fell behind its rate" in found.reasons[0]
