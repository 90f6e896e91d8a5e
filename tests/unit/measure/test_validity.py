"""Invalid is for instruments, not for bad clouds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kb_tests.fleet.messages import ClockChange
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.merge import measure
from kb_tests.measure.http.validity import lag_limit, sent_late, validity
from kb_tests.scenario.http import HttpPoint, HttpSla
from tests.unit.measure.reports import POINT, SLA, facts, fleet, linked, report, wire


def reasons(reports: list[Any], point: HttpPoint = POINT) -> tuple[str, ...]:
    measured = measure(point, reports)
    return validity(point, measured) + sent_late(point, measured, SLA)


def test_a_whole_measurement_is_valid() -> None:
    assert reasons(fleet()) == ()


@pytest.mark.parametrize(
    ("errors", "unsent", "inflight"),
    [
        ({"connect": 500}, 0, 0),
        ({"timeout": 300}, 150, 50),
        ({"http_5xx": 500}, 0, 0),
        ({"reset": 100, "truncated": 100, "protocol": 100, "http_4xx": 100, "http_other": 100}, 0, 0),
        ({}, 500, 0),
        ({}, 0, 500),
    ],
)
def test_a_bad_cloud_is_valid(errors: dict[str, int], unsent: int, inflight: int) -> None:
    assert reasons(fleet(counts=[wire(500, errors, unsent, inflight)] * 5)) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"lag_p99": 0.0011},
            "1 of 2 generators sent too late, with a p99 above 1ms: kb-client-1 1.1ms.",
        ),
        ({"cpu": 0.91}, "1 of 2 generators had no CPU to spare (over 90%): kb-client-1 91%."),
        (
            {"skew": -0.3},
            "1 of 2 generators started off the common start by more than 250ms: kb-client-1 -300ms.",
        ),
        ({"saturated": True}, "The histograms of 1 generators are saturated: kb-client-1."),
        (
            {"counts": wire(2400)},
            "The counts of 1 of 2 generators do not add up: kb-client-1 (its blocks hold 2500 due and 2500"
            " completed requests, its final report 2400 and 2400).",
        ),
        (
            {"counts": wire(2500).model_copy(update={"unsent": 1})},
            "The counts of 1 of 2 generators do not add up: kb-client-1 (2500 requests were due, 2501"
            " ended).",
        ),
    ],
)
def test_what_makes_a_point_invalid(change: dict[str, Any], reason: str) -> None:
    assert reasons(facts(fleet(), **change)) == (reason,)


def test_on_the_limit_is_valid() -> None:
    assert reasons(facts(fleet(), lag_p99=0.001, cpu=0.9, skew=0.25)) == ()


def test_a_closed_loop_may_use_all_cpu() -> None:
    assert reasons(facts(fleet(), cpu=1.0), replace(POINT, rate=0)) == ()


def test_a_clock_that_is_not_known_well() -> None:
    first, *others = fleet()
    assert reasons([replace(first, clock_error=3600.0), *others]) == (
        "The clocks of 1 of 2 generators are known no better than 250ms: kb-client-1 60min.",
    )


@pytest.mark.parametrize(("seconds", "told"), [(2.0, "stood still"), (-2.0, "ran ahead")])
def test_a_generator_whose_clock_did_not_run(seconds: float, told: str) -> None:
    """As in a live migration: what the guest missed was measured by nobody, and its cloud looks fast."""
    change = ClockChange(seconds=seconds, error=0.001, elapsed=8.0)
    assert reasons(facts(fleet(), clock_change=change)) == (
        f"The clocks of 1 of 2 generators {told} while they measured: kb-client-1 2s.",
    )


def test_a_clock_that_is_not_known_well_afterwards_may_have_stood_still() -> None:
    blurred = ClockChange(seconds=3.0, error=4.0, elapsed=8.0)
    (reason,) = reasons(facts(fleet(), clock_change=blurred))
    assert reason == "The clocks of 1 of 2 generators are known no better than 250ms: kb-client-1 2s."
    assert not reasons(facts(fleet(), clock_change=ClockChange(seconds=0.3, error=0.4, elapsed=8.0)))


def test_a_control_server_whose_clock_was_set_spoils_nothing() -> None:
    change = ClockChange(seconds=2.0, error=0.001, elapsed=8.0)
    set_on = [replace(one, control_clock=change) for one in facts(fleet(), clock_change=change)]
    assert reasons(set_on[:1] + fleet()[1:]) == ()


def test_missing_and_surplus_generators() -> None:
    assert reasons(fleet()[:1]) == (
        "1 of 2 generators are missing: generator 2 of 2 (nothing came from it).",
    )
    assert reasons([*fleet(), report("third")]) == ("3 generators reported where 2 took part.",)


def test_no_sample_is_never_valid() -> None:
    (missing,) = reasons([])
    assert missing.startswith("2 of 2 generators are missing")
    nothing = fleet(counts=[wire(0)] * 5)
    assert any(reason.startswith("There is no sample") for reason in reasons(nothing))


def test_local_ports_that_ran_out() -> None:
    counts = [wire(500, {"ports_exhausted": 3})] * 5
    assert reasons(fleet(counts=counts)) == ("Generators ran out of local ports for 30 requests.",)


@pytest.mark.parametrize("errors", [{}, {"connect": 3}])
def test_local_ports_that_ran_out_while_no_request_needed_one(errors: dict[str, int]) -> None:
    reports = linked(fleet(counts=[wire(500, errors)] * 5), unavailable=7)
    assert reasons(reports) == ("Generators had no local port left for 7 connections.",)


@pytest.mark.parametrize(
    "changes",
    [{"open": 10}, {"least": 10}, {"open": 2, "least": 2}, {"refused": 100}, {"reopened": 100}],
)
def test_connections_that_the_cloud_does_not_keep_are_valid(changes: dict[str, Any]) -> None:
    assert reasons(linked(fleet(), **{"least": 2} | changes)) == ()


@pytest.mark.parametrize("changes", [{"asked": 49}, {"asked": 51}, {"open": 51}, {"open": 1, "least": 2}])
def test_connections_that_do_not_add_up(changes: dict[str, Any]) -> None:
    (reason,) = reasons(linked(fleet(), **changes))
    assert "it was asked for 50 connections, and tells of" in reason


def test_a_generator_that_does_not_keep_the_schedule() -> None:
    (reason,) = reasons(fleet(counts=[wire(480)] * 5))
    assert "2400 requests were due where the rate means 2500" in reason
    assert reasons(fleet(counts=[wire(480)] * 5), replace(POINT, rate=0)) == ()


@pytest.mark.parametrize("taken", [0, 499, 501])
def test_response_times_that_do_not_match_the_counts(taken: int) -> None:
    first, *others = fleet()
    response = Histogram.of([0.001] * taken).encode()
    blocks = (first.blocks[0].model_copy(update={"response": response}), *first.blocks[1:])
    (reason,) = reasons([replace(first, blocks=blocks), *others])
    assert f"2500 requests completed, but {2000 + taken} response times were taken" in reason


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sent": 0}, "500 requests were answered or waited for their answer, 0 were sent"),
        ({"sent": 499}, "500 requests were answered or waited for their answer, 499 were sent"),
        ({"sent": 501}, "501 requests were sent and 0 were not, of 500 that were due"),
    ],
)
def test_more_answers_than_requests_or_more_requests_than_were_due(
    changes: dict[str, int], told: str
) -> None:
    (reason,) = reasons(fleet(counts=[wire(500).model_copy(update=changes)] * 5))
    assert told in reason


def test_a_request_that_failed_has_no_response_time_but_that_of_the_timeout() -> None:
    first, *others = fleet(counts=[wire(500, {"timeout": 100})] * 5)
    for seconds, valid in ((0.001, False), (4.9, False), (5.0, True), (5.1, True)):
        response = Histogram.of([0.001] * 400 + [seconds] * 100).encode()
        blocks = tuple(block.model_copy(update={"response": response}) for block in first.blocks)
        found = reasons([replace(first, blocks=blocks), *others])
        assert (not found) == valid, found
    assert not reasons([first, *others])


def test_more_connections_open_than_there_are() -> None:
    first, *others = fleet()
    seconds = tuple(replace(second, open=51) for second in first.seconds)
    reason, *_ = reasons([replace(first, seconds=seconds), *others])
    assert "it had 51 connections open in a second, and was asked for 50" in reason


@pytest.mark.parametrize("size", [0, 32767, 32769])
def test_answers_that_are_not_whole_pages(size: int) -> None:
    counts = wire(500).model_copy(update={"bytes": 500 * size})
    (reason,) = reasons(fleet(counts=[counts] * 5))
    assert f"500 pages of 32768 bytes came as {500 * size} bytes" in reason


def test_a_series_with_more_answers_than_requests() -> None:
    first, *others = fleet()
    inflated = tuple(replace(second, completed=2000) for second in first.seconds)
    (reason,) = reasons([replace(first, seconds=inflated), *others])
    assert reason.startswith("The counts do not add up: the seconds of the window show 12500 completed")


def test_many_names_are_cut_short() -> None:
    point = replace(POINT, clients=5)
    (reason,) = reasons([], point)[:1]
    assert reason.endswith("generator 3 of 5 (nothing came from it) and 2 more.")


@pytest.mark.parametrize(
    ("sla", "limit"),
    [
        ({"latency": {"p50": "5ms", "p99": "50ms"}}, 0.001),
        ({"latency": {"p99": "200ms", "p99.9": "1s"}}, 0.02),
        ({"errors": "1%"}, 0.1),
    ],
)
def test_the_lag_that_is_allowed(sla: dict[str, Any], limit: float) -> None:
    assert lag_limit(HttpSla.model_validate(sla)) == pytest.approx(limit)
