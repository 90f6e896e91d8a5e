from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.load import load
from kb_tests.sla.feasible import feasible

SCENARIOS = Path(__file__).parents[3] / "scenarios"


def scenario(sla: dict[str, Any], **changes: Any) -> HttpScenario:
    settings = {"rate": [500, 1000], "duration": "30s", "timeout": "5s"} | changes
    return HttpScenario.model_validate({"name": "small", "kind": "http", "load": settings, "sla": sla})


def test_what_can_be_shown_is_no_mistake() -> None:
    assert feasible(scenario({"latency": {"p99": "50ms"}, "achieved": "99%", "errors": "1%"})) == []
    assert feasible(scenario({"latency": {"p100": "4s"}, "errors": "0%"})) == []


def test_an_error_limit_that_the_duration_cannot_show() -> None:
    """Not one error in 15,000 requests bounds the share at 0.02 %, and that is the best case."""
    (mistake,) = feasible(scenario({"errors": "0.01%"}))
    assert mistake.startswith("sla.errors: takes at least ")
    assert "but small-clients-1-rate-500 makes 15,000 in 30s" in mistake
    assert "raise load.max_duration to" in mistake


def test_following_the_advice_helps() -> None:
    (mistake,) = feasible(scenario({"errors": "0.02%"}))
    advice = mistake.split("raise load.max_duration to ")[1].split(",")[0]
    assert feasible(scenario({"errors": "0.02%"}, duration=advice)) == []


def test_half_of_the_window_may_be_a_warm_up_that_is_to_be_found() -> None:
    assert feasible(scenario({"errors": "0.05%"})) == []
    (mistake,) = feasible(scenario({"errors": "0.05%"}, warm_up="auto"))
    assert "requests after the warm-up to show, but small-clients-1-rate-500 makes 7,500 in 30s" in mistake
    advice = mistake.split("raise load.max_duration to ")[1].split(",")[0]
    assert feasible(scenario({"errors": "0.05%"}, warm_up="auto", duration=advice)) == []


def test_a_percentile_that_the_sample_cannot_carry() -> None:
    (mistake,) = feasible(scenario({"latency": {"p99": "50ms", "p99.99": "1s"}}))
    assert mistake.startswith("sla.latency.p99.99: takes at least ")


def test_longer_looks_help_and_more_checks_ask_for_more() -> None:
    limits = {"latency": {"p99.9": "50ms"}}
    assert feasible(scenario(limits, duration="5s"))
    assert feasible(scenario(limits, duration="5s", max_duration="60s")) == []
    assert feasible(scenario(limits, duration="5s", max_duration="60s"), checks=10_000)


@pytest.mark.parametrize(
    ("sla", "changes", "mistake"),
    [
        ({"achieved": "100%"}, {}, "sla.achieved: no sample shows that 100% are always achieved"),
        ({"errors": "1%"}, {"duration": "4s"}, "load.duration: 4s is too short; 5s is the least."),
        ({"latency": {"p50": "1s"}}, {"duration": "4s"}, "load.duration: 4s is too short; 5s is the least."),
        ({"achieved": "90%"}, {"duration": "2s"}, "load.duration: 2s is too short; 3s is the least."),
        ({"latency": {"p50": "5s"}}, {}, "sla.latency.p50: its limit of 5s is not below load.timeout (5s)"),
    ],
)
def test_other_things_that_cannot_be_shown(
    sla: dict[str, Any], changes: dict[str, Any], mistake: str
) -> None:
    (found,) = feasible(scenario(sla, **changes))
    assert found.startswith(mistake)


def test_the_requests_of_a_closed_loop_cannot_be_known() -> None:
    assert feasible(scenario({"errors": "0.0001%"}, rate=[0])) == []


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("http-*.yaml")), ids=lambda path: path.name)
def test_shipped_scenarios_can_be_shown(path: Path) -> None:
    assert feasible(load(path)) == []
