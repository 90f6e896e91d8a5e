"""Each topology is staged once, counted in the cloud's own request log."""

from __future__ import annotations

import re

import pytest

from tests.functional.session.suite import Suite

RATES = "[10, 30, 60]"


@pytest.fixture
def two(suite: Suite) -> list[str]:
    """Arguments for two scenarios of three points each."""
    files = [suite.scenario("one", RATES), suite.scenario("two", RATES)]
    return [f"--kb-scenario={file}" for file in files] + ["--kb-inconclusive=pass"]


@pytest.mark.parametrize("workers", [pytest.param([], marks=pytest.mark.nightly), ["-n", "2"]], ids=" ".join)
def test_two_scenarios_of_three_points_are_two_stagings(
    suite: Suite, two: list[str], workers: list[str]
) -> None:
    ended = suite.run(*two, *workers)
    assert ended.code == 0, ended.output
    assert suite.stagings() == 2
    assert list(ended.statuses().values()) == ["inconclusive"] * 6, "they are too short to decide"
    assert suite.left() == []


@pytest.mark.nightly
def test_every_mode_of_xdist_stages_once(suite: Suite, two: list[str]) -> None:
    ended = suite.run(*two, "-n", "2", "--dist", "loadfile", "-k", "rate-10 or rate-60")
    assert ended.code == 0, ended.output
    assert suite.stagings() == 2
    assert len(ended.statuses()) == 4


def test_a_selection_stages_only_what_it_needs_and_staging_is_judged(suite: Suite, two: list[str]) -> None:
    suite.scenario("one", RATES, sla="{errors: 50%, staging: 10ms}")
    ended = suite.run(*two, "-k", "one and (rate-10 or rate-60)")
    assert ended.code == 1, ended.output
    assert suite.stagings() == 1
    assert ended.statuses() == {"one-clients-1-rate-10": "fail", "one-clients-1-rate-60": "fail"}
    for point in ended.record["points"]:
        assert point["measurement"]["counts"]["completed"] > 5
        failed = [check["name"] for check in point["verdict"]["checks"] if check["outcome"] == "fail"]
        assert failed == ["staging"]
    assert re.search(r"staging \d\S+s is over its limit 10ms by ", ended.output)


@pytest.mark.nightly
def test_last_failed_runs_the_failed_points_on_one_staging(suite: Suite) -> None:
    scenario = f"--kb-scenario={suite.scenario(rates='[20, 50]', sla='{errors: 50%, staging: 10ms}')}"
    first = suite.run(scenario, "--keep-cache")
    assert first.code == 1, first.output
    again = suite.run(scenario, "--lf")
    assert again.code == 1, again.output
    assert again.statuses() == {"small-clients-1-rate-20": "fail", "small-clients-1-rate-50": "fail"}
    assert suite.stagings() == 1


def test_collecting_sends_no_request(suite: Suite, two: list[str]) -> None:
    ended = suite.run(*two, "--collect-only", "-q")
    assert ended.code == 0, ended.output
    assert ended.output.count("test_http_load[") == 6
    assert suite.requests() == []
    assert ended.records == {}
