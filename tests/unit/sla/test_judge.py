"""Red, green and grey for the right reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.http.merge import measure
from kb_tests.scenario.http import HttpSla
from kb_tests.sla.decide import in_percent
from kb_tests.sla.http.judge import judge, number_of_checks
from kb_tests.sla.verdict import Check, Outcome, Verdict
from tests.unit.measure.reports import POINT, SLA, facts, fleet, linked, wire

DEMO_CHECKS = 24
"""Six points of four checks, as in the demo."""


def sla(**limits: Any) -> HttpSla:
    return HttpSla.model_validate(limits)


def check(verdict: Verdict, name: str) -> Check:
    (found,) = [check for check in verdict.checks if check.name == name]
    return found


def outcomes(verdict: Verdict) -> Mapping[str, Outcome]:
    return {check.name: check.outcome for check in verdict.checks}


@pytest.fixture(scope="module")
def good() -> HttpMeasurement:
    return measure(POINT, fleet())


def bad(errors: dict[str, int] | None = None, unsent: int = 0, inflight: int = 0) -> HttpMeasurement:
    return measure(POINT, fleet(counts=[wire(500, errors, unsent, inflight)] * 5))


def test_a_good_cloud_passes_in_a_demo_of_five_seconds(good: HttpMeasurement) -> None:
    verdict = judge(POINT, good, SLA, checks=DEMO_CHECKS)
    assert verdict.outcome is Outcome.PASS
    assert set(outcomes(verdict).values()) == {Outcome.PASS}
    assert verdict.confidence == 0.95
    assert not verdict.reasons


def test_a_slow_cloud_fails(good: HttpMeasurement) -> None:
    verdict = judge(POINT, measure(POINT, fleet(median=0.1)), SLA, checks=DEMO_CHECKS)
    assert verdict.outcome is Outcome.FAIL
    assert check(verdict, "latency p99").outcome is Outcome.FAIL
    assert check(verdict, "latency p99").low > 0.05


@pytest.mark.parametrize(
    "measured",
    [
        bad({"connect": 500}),
        bad({"http_5xx": 500}),
        bad({"timeout": 400}, 50, 50),
        bad({"truncated": 100}),
        bad({"reset": 50, "http_4xx": 50}),
        bad({}, unsent=100),
        bad({}, inflight=100),
    ],
)
def test_every_kind_of_loss_fails_every_kind_of_limit(measured: HttpMeasurement) -> None:
    for limits in ({"errors": "1%"}, {"latency": {"p99": "10s"}}, {"achieved": "95%"}):
        assert judge(POINT, measured, sla(**limits), checks=DEMO_CHECKS).outcome is Outcome.FAIL


def test_a_percentile_that_the_failures_reach_has_no_value() -> None:
    found = check(judge(POINT, bad({"http_5xx": 100}), SLA), "latency p99")
    assert found.value == math.inf
    assert found.low >= found.limit
    assert "20% of the requests failed" in found.detail


def test_timed_out_requests_never_count_as_fast() -> None:
    """They have a response time of their own, which may lie under a generous limit."""
    measured = bad({"timeout": 100})
    times = Histogram.merged([measured.response, Histogram.of([5.0] * 1000)])
    blocks = tuple(
        replace(block, response=Histogram.merged([block.response, Histogram.of([5.0] * 100)]))
        for block in measured.blocks
    )
    verdict = judge(POINT, replace(measured, response=times, blocks=blocks), sla(latency={"p90": "10s"}))
    assert check(verdict, "latency p90").outcome is Outcome.FAIL


def test_given_up_requests_do_not_hide_good_answers_that_came_too_late() -> None:
    """60 % answered after 12 s, 40 % given up after 6 s: nobody was successful within 10 s."""
    measured = bad({"timeout": 200})
    late = {count: Histogram.of([12.0, 6.0], [count * 3 // 5, count * 2 // 5]) for count in (500, 5000)}
    blocks = tuple(replace(block, response=late[500]) for block in measured.blocks)
    verdict = judge(POINT, replace(measured, response=late[5000], blocks=blocks), sla(latency={"p30": "10s"}))
    found = check(verdict, "latency p30")
    assert found.outcome is Outcome.FAIL
    assert found.value == pytest.approx(12, rel=0.001)
    assert found.low >= 10


def test_a_figure_near_its_limit_is_inconclusive(good: HttpMeasurement) -> None:
    value = good.response.percentile(99)
    for factor in (0.99, 1.04):
        verdict = judge(POINT, good, sla(latency={"p99": f"{value * factor * 1000:.3f}ms"}))
        assert verdict.outcome is Outcome.INCONCLUSIVE
        found = verdict.checks[0]
        assert found.low < found.limit < found.high


@pytest.mark.parametrize("factor", [0.3, 0.7, 0.9, 1.0, 1.1, 1.5, 3])
def test_bounds_and_outcome_say_the_same(good: HttpMeasurement, factor: float) -> None:
    value = good.response.percentile(99)
    found = judge(POINT, good, sla(latency={"p99": f"{value * factor * 1000:.3f}ms"})).checks[0]
    assert found.low <= found.value <= found.high
    expected = (
        Outcome.PASS
        if found.high <= found.limit
        else Outcome.FAIL
        if found.low >= found.limit
        else Outcome.INCONCLUSIVE
    )
    assert found.outcome is expected


@pytest.mark.parametrize(("seconds", "outcome"), [(4, Outcome.INCONCLUSIVE), (5, Outcome.PASS)])
def test_a_window_under_five_seconds_shows_no_share_to_be_small(seconds: int, outcome: Outcome) -> None:
    """Errors that happen in half of the seconds are in none of four in one run of sixteen."""
    point = replace(POINT, duration=float(seconds), max_duration=float(seconds))
    limits = sla(latency={"p50": "1s"}, errors="10%", achieved="50%")
    found = outcomes(judge(point, measure(point, fleet(point)), limits))
    assert {found["latency p50"], found["errors"]} == {outcome}
    assert found["achieved"] is Outcome.PASS


def in_one_batch(failed: int) -> HttpMeasurement:
    """8 s of 500 requests each from either generator, of which `failed` fail in one second."""
    point = replace(POINT, duration=8.0, max_duration=8.0)
    counts = [wire(500)] * 3 + [wire(500, {"connect": failed})] + [wire(500)] * 4
    return measure(point, fleet(point, counts=counts))


def test_failures_in_one_batch_leave_no_doubt_about_a_median_far_from_its_limit() -> None:
    """98 % are answered within some ms: half of them cannot take longer than 100 ms."""
    verdict = judge(POINT, in_one_batch(80), sla(latency={"p50": "100ms"}), checks=DEMO_CHECKS)
    found = check(verdict, "latency p50")
    assert found.outcome is Outcome.PASS
    assert found.high < 0.01


@pytest.mark.parametrize("failed", [5, 20, 80, 200, 400])
@pytest.mark.parametrize("percent", [50, 75, 90, 95, 99])
def test_the_bound_that_decided_is_the_bound_shown(failed: int, percent: float) -> None:
    """Where failures come all at once, too: what is undecided may lie on either side of its limit."""
    measured = in_one_batch(failed)
    for limit in ("1ms", "2ms", "5ms", "100ms", "1s"):
        verdict = judge(POINT, measured, sla(latency={f"p{percent}": limit}), checks=DEMO_CHECKS)
        found = check(verdict, f"latency p{percent}")
        expected = {
            Outcome.PASS: found.high <= found.limit,
            Outcome.FAIL: found.low >= found.limit,
            Outcome.INCONCLUSIVE: found.low <= found.limit <= found.high,
        }
        assert expected[found.outcome], found
        assert found.low <= found.high


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100%"), (0.99996, "99.996%"), (0.9999999, "99.99999%"), (0.5, "50%"), (0.0, "0%")],
)
def test_what_is_not_whole_is_never_told_as_whole(share: float, text: str) -> None:
    assert in_percent(share) == text


def test_a_percentile_that_the_sample_cannot_carry_is_refused(good: HttpMeasurement) -> None:
    found = judge(POINT, good, sla(latency={"p99.99": "10s"})).checks[0]
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "that takes at least 69,628 of them" in found.detail
    assert found.high == math.inf


def test_an_error_limit_that_the_sample_cannot_show_is_refused(good: HttpMeasurement) -> None:
    found = judge(POINT, good, sla(errors="0.01%")).checks[0]
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "that takes at least" in found.detail


def test_a_small_sample_may_still_fail() -> None:
    assert judge(POINT, bad({"http_5xx": 200}), sla(latency={"p99.99": "10s"})).outcome is Outcome.FAIL


def test_limits_on_the_sample_itself_speak_of_the_sample(good: HttpMeasurement) -> None:
    plain = sla(latency={"p100": "10s"}, errors="0%")
    assert number_of_checks(plain) == 0
    assert judge(POINT, good, plain).outcome is Outcome.PASS
    one = [wire(500, {"reset": 1}), *[wire(500)] * 4]
    verdict = judge(POINT, measure(POINT, fleet(counts=one)), plain)
    assert outcomes(verdict) == dict.fromkeys(("latency p100", "errors"), Outcome.FAIL) | {
        "connections": Outcome.PASS
    }


LINKS: list[tuple[dict[str, Any], str, Outcome, float, float]] = [
    ({}, "99%", Outcome.PASS, 1.0, 0.99),
    ({"open_": [50, 50, 49, 50, 50], "least": 49}, "99%", Outcome.PASS, 0.99, 0.99),
    ({"open_": [50, 50, 48, 50, 50], "least": 48}, "99%", Outcome.FAIL, 0.98, 0.99),
    ({"open_": [50, 50, 48, 50, 50], "least": 48}, "98%", Outcome.PASS, 0.98, 0.98),
    ({"open_": [50, 50, 49, 50, 50], "least": 49}, "100%", Outcome.FAIL, 0.99, 1.0),
    ({"open_": [49, 50, 50, 50, 50], "open": 49, "least": 49}, "50%", Outcome.FAIL, 0.99, 1.0),
    ({"open_": [2] * 5, "open": 2, "least": 2}, "99%", Outcome.FAIL, 0.52, 1.0),
]


@pytest.mark.parametrize(("changes", "limit", "outcome", "value", "held_against"), LINKS)
def test_connections_are_part_of_the_load(
    changes: dict[str, Any], limit: str, outcome: Outcome, value: float, held_against: float
) -> None:
    """100 are asked for: all are open when the window begins, and never fewer than the limit in it."""
    limits = sla(achieved="50%", connections=limit)
    verdict = judge(POINT, measure(POINT, linked(fleet(), **changes)), limits)
    found = check(verdict, "connections")
    assert (verdict.reasons, verdict.outcome, found.outcome) == ((), outcome, outcome)
    assert (found.value, found.limit) == (value, held_against)
    assert check(verdict, "achieved").outcome is Outcome.PASS


def test_connections_are_judged_where_they_are_kept_only(good: HttpMeasurement) -> None:
    verdict = judge(replace(POINT, keep_alive=False), good, SLA)
    assert "connections" not in outcomes(verdict)
    assert verdict.outcome is Outcome.PASS


def test_the_fewest_connections_of_a_point_are_those_of_one_moment() -> None:
    """Two generators that lose one each at different times never had two too few."""
    first, second = fleet()
    reports = linked([first], [50, 49, 50, 50, 50], least=49) + linked(
        [second], [50, 50, 50, 49, 50], least=49
    )
    found = measure(POINT, reports).connections
    assert found is not None
    assert (found.asked, found.open, found.least) == (100, 100, 99)


def test_staging_time(good: HttpMeasurement) -> None:
    limited = sla(achieved="90%", staging="120s")
    assert judge(POINT, good, limited, staging=119.0).outcome is Outcome.PASS
    assert judge(POINT, good, limited, staging=121.0).outcome is Outcome.FAIL
    assert judge(POINT, good, limited).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "limits", [{"achieved": "99%"}, {"latency": {"p99": "10s"}}, {"latency": {"p99": "1us"}}]
)
def test_a_closed_loop_shows_neither_an_achieved_rate_nor_latency(
    good: HttpMeasurement, limits: dict[str, Any]
) -> None:
    verdict = judge(replace(POINT, rate=0), replace(good, offered=0.0), sla(**limits))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "closed loop" in verdict.checks[0].detail


def test_a_closed_loop_reaches_a_verdict_on_errors() -> None:
    closed, limits = replace(POINT, rate=0), sla(errors="1%")
    for reports, outcome in [
        (facts(fleet(), cpu=1.0), Outcome.PASS),
        (facts(fleet(counts=[wire(500, {"http_5xx": 50})] * 5), cpu=1.0), Outcome.FAIL),
    ]:
        assert judge(closed, replace(measure(closed, reports), offered=0.0), limits).outcome is outcome


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([50, 90, 99, 99.9]))
def test_requests_that_were_due_and_not_answered_never_let_a_percentile_pass(
    unsent: int, inflight: int, percent: float
) -> None:
    """The base is what was due: a cloud cannot look fast by what it left undone."""
    unsent, inflight = min(unsent, 500), min(inflight, 500 - min(unsent, 500))
    verdict = judge(POINT, bad(unsent=unsent, inflight=inflight), sla(latency={f"p{percent:g}": "10s"}))
    assert verdict.reasons == ()
    if unsent + inflight >= 500 * (1 - percent / 100):
        assert verdict.outcome is not Outcome.PASS
    if unsent + inflight >= 2 * 500 * (1 - percent / 100) + 5:
        assert verdict.outcome is Outcome.FAIL


def test_invalid_comes_before_everything_and_keeps_the_checks() -> None:
    measured = measure(POINT, facts(fleet(counts=[wire(500, {"connect": 500})] * 5), cpu=0.99))
    verdict = judge(POINT, measured, SLA)
    assert verdict.outcome is Outcome.INVALID
    assert len(verdict.reasons) == 1
    assert Outcome.FAIL in outcomes(verdict).values()


LATE = 0.03
"""Seconds of send lag, p99; a tenth of the tightest limit is 0.5 ms."""


def test_a_point_that_keeps_its_sla_although_its_generators_lagged_passes_and_says_so() -> None:
    """The lag is part of each response time: without it the cloud would look faster still."""
    verdict = judge(POINT, measure(POINT, facts(fleet(), lag_p99=LATE)), SLA)
    assert verdict.outcome is Outcome.PASS
    assert verdict.reasons == ()
    (note,) = verdict.notes
    assert "1 of 2 generators sent too late, with a p99 above 1ms: kb-client-1 30ms" in note


@pytest.mark.parametrize(
    ("limits", "alone"),
    [
        ({"latency": {"p99": "1ms"}}, Outcome.FAIL),
        ({"latency": {"p99": "3.2ms"}}, Outcome.INCONCLUSIVE),
        ({"latency": {"p50": "0.5ms", "p99": "50ms"}}, Outcome.FAIL),
    ],
)
def test_what_lag_may_explain_is_no_verdict_on_the_cloud(limits: dict[str, Any], alone: Outcome) -> None:
    assert judge(POINT, measure(POINT, fleet()), sla(**limits)).outcome is alone
    verdict = judge(POINT, measure(POINT, facts(fleet(), lag_p99=LATE)), sla(**limits))
    assert verdict.outcome is Outcome.INVALID
    assert "sent too late" in verdict.reasons[0]
    assert verdict.notes == ()


@pytest.mark.parametrize(
    "change", [{"cpu": 0.99}, {"skew": 3.0}, {"saturated": True}, {"counts": wire(2400)}]
)
def test_nothing_else_that_is_wrong_with_the_instruments_lets_a_pass_stand(change: dict[str, Any]) -> None:
    verdict = judge(POINT, measure(POINT, facts(fleet(), lag_p99=LATE, **change)), SLA)
    assert set(outcomes(verdict).values()) == {Outcome.PASS}
    assert verdict.outcome is Outcome.INVALID
    assert len(verdict.reasons) == 2


def test_requests_that_a_lagging_generator_never_sent_count_as_bad() -> None:
    counts = [wire(500, unsent=50)] * 5
    verdict = judge(POINT, measure(POINT, facts(fleet(counts=counts), lag_p99=LATE)), SLA)
    assert verdict.outcome is Outcome.INVALID
    assert check(verdict, "errors").outcome is Outcome.FAIL


def test_a_backlog_from_before_the_window_adds_nothing_to_what_was_achieved() -> None:
    """8 % fail, and generators that came late work off what they had left undone: 100 % of the rate ends
    well inside the window, 92 % of what was due in it did."""
    reports = [
        replace(report, seconds=tuple(replace(one, completed=500) for one in report.seconds))
        for report in fleet(counts=[wire(500, {"http_5xx": 40})] * 5)
    ]
    measured = measure(POINT, facts(reports, lag_p99=LATE))
    verdict = judge(POINT, measured, sla(achieved="95%"))
    assert measured.achieved == pytest.approx(920)
    assert check(verdict, "achieved").value == pytest.approx(0.92)
    assert check(verdict, "achieved").outcome is Outcome.FAIL


def test_no_report_at_all_is_invalid_and_passes_nothing() -> None:
    verdict = judge(POINT, measure(POINT, []), SLA)
    assert verdict.outcome is Outcome.INVALID
    assert Outcome.PASS not in outcomes(verdict).values()


def test_an_sla_without_limits_is_never_kept(good: HttpMeasurement) -> None:
    assert judge(POINT, good, HttpSla.model_construct()).outcome is Outcome.INVALID


def test_more_checks_or_looks_ask_for_more(good: HttpMeasurement) -> None:
    alone, many, looks = (
        judge(POINT, good, SLA, checks=4),
        judge(POINT, good, SLA, checks=400),
        judge(POINT, good, SLA, checks=4, look=2, looks=3),
    )
    for name in ("latency p99", "errors", "achieved"):
        widths = [check(v, name).high - check(v, name).low for v in (alone, looks, many)]
        assert widths == sorted(widths)
        assert check(looks, name).p_pass == pytest.approx(3 * check(alone, name).p_pass, rel=0.05)
    assert looks.looks == 2
    with pytest.raises(ValueError, match="look 4 of 3"):
        judge(POINT, good, SLA, look=4, looks=3)
