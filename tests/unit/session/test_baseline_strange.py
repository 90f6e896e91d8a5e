"""Baselines that lack points, have others, or were measured elsewhere: none of them lets a gate pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kb_tests.compare.sides import Side
from kb_tests.errors import ScenarioError
from kb_tests.report.record import PointRecord, RunRecord
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.points import expand
from kb_tests.session import baseline
from kb_tests.session.activation import _held_against
from kb_tests.session.baseline import Baseline, refuse_lost
from kb_tests.session.selection import Selection
from kb_tests.session.target import Target
from kb_tests.sla.verdict import Check, Outcome, Verdict
from simulated.shifting import Cloud, measurement
from tests.unit.compare.build import LEVEL, VERDICT
from tests.unit.report import build
from tests.unit.session.test_baseline import FILE, added, past, target


def edited(runs: Sequence[RunRecord], **changes: Any) -> list[RunRecord]:
    return [run.model_copy(update=changes) for run in runs]


def judged(runs: Sequence[RunRecord], verdict: Verdict, first: int = 0) -> list[RunRecord]:
    """The same, under other ids, with another verdict on every point."""
    return [
        run.model_copy(
            update={
                "run": f"{first + index:08x}",
                "points": [point.model_copy(update={"verdict": verdict}) for point in run.points],
            }
        )
        for index, run in enumerate(runs)
    ]


INVALID = replace(VERDICT, outcome=Outcome.INVALID, reasons=("Its generators starved.",))


def seldom(asked: Target, ratio: float, seed: int) -> tuple[HttpPoint, Any]:
    """One request a second: p50 and p99 have too few beyond them."""
    (point,) = expand(asked.scenario)
    assert isinstance(point, HttpPoint)
    logs = Cloud(np.random.default_rng(seed)).logs(LEVEL + math.log(ratio), 1, 30)
    return point, measurement(point, logs)


def test_a_load_whose_times_are_not_compared_passes_by_nothing(tmp_path: Path) -> None:
    """Its rate alone is as it was; that every request takes ten times as long is not seen."""
    text = FILE.replace("[400]", "[1]").replace("latency: {p99: 50ms}", "errors: 1%").replace("10%", "50%")
    asked = target(tmp_path, text)
    kept = Verdict(Outcome.PASS, (Check("errors", Outcome.PASS, 0, 0.01, "", 0, 0, True, "."),), (), 0.95)
    runs = []
    for run, seed in zip(past(target(tmp_path), 5), range(5), strict=True):
        point, found = seldom(asked, 1.0, seed)
        record = PointRecord.judged(point, found, kept, build.STARTED)
        runs.append(run.model_copy(update={"points": [record.model_copy(update={"run": run.run})]}))
    point, found = seldom(asked, 10.0, 99)
    fleet: Any = SimpleNamespace(versions=[{"nginx": "1.22.1"}])
    verdict = Baseline(Side.of("before", runs)).added(
        kept, point, found, asked, build.topology(), fleet, checks=2, look=1, looks=1
    )
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "bounded by nothing" in verdict.checks[1].detail


def test_a_percentile_that_is_left_out_is_said(tmp_path: Path) -> None:
    asked = target(tmp_path, FILE.replace("[400]", "[40]").replace("latency: {p99: 50ms}", "errors: 1%"))
    (point,) = expand(asked.scenario)
    assert isinstance(point, HttpPoint)
    kept = Verdict(Outcome.PASS, (Check("errors", Outcome.PASS, 0, 0.01, "", 0, 0, True, "."),), (), 0.95)

    def one(seed: int) -> Any:
        return measurement(point, Cloud(np.random.default_rng(seed)).logs(LEVEL, 40, 30))

    runs = [
        run.model_copy(update={"points": [PointRecord.judged(point, one(seed), kept, build.STARTED)]})
        for seed, run in enumerate(past(target(tmp_path), 3))
    ]
    fleet: Any = SimpleNamespace(versions=[{"nginx": "1.22.1"}])
    verdict = Baseline(Side.of("before", runs)).added(
        kept, point, one(77), asked, build.topology(), fleet, checks=2, look=1, looks=1
    )
    assert "Not compared: p99, which the sample is too small for." in verdict.checks[1].detail


def test_runs_that_did_not_measure_the_point_are_not_counted(tmp_path: Path) -> None:
    """Neither as its baseline, nor in what is said of it."""
    asked = target(tmp_path)
    runs = past(asked, 3) + judged(past(asked, 3), INVALID, 0xAA)
    said = added(asked, runs, 0.5).checks[1]
    assert (said.outcome, " in 3 runs of before" in said.detail) == (Outcome.PASS, True)
    verdict = added(asked, past(asked, 2) + judged(past(asked, 3), INVALID, 0xAA), 0.5)
    assert (verdict.outcome, " in 2 runs of before" in verdict.checks[1].detail) == (
        Outcome.INCONCLUSIVE,
        True,
    )


def test_a_baseline_of_invalid_points_alone_says_so(tmp_path: Path) -> None:
    asked = target(tmp_path)
    verdict = added(asked, judged(past(asked, 5), INVALID), 0.5)
    assert verdict.outcome is Outcome.INVALID
    assert "its measurement is not valid in run 00000000" in verdict.reasons[0]


def test_of_several_clouds_its_own_runs_count(tmp_path: Path) -> None:
    """A slower cloud beside it in the same folder does not make it fast."""
    asked = target(tmp_path)
    own = past(asked, 4)
    for index, run in enumerate(edited(past(asked, 4, ratio=4.0), cloud="slow-1")):
        points = [run.points[0].model_copy(update={"run": f"{index + 512:08x}"})]
        own.append(run.model_copy(update={"run": f"{index + 100:08x}", "points": points}))
    verdict = added(asked, own, 2.0)
    assert verdict.outcome is Outcome.FAIL
    assert " in 4 runs of before" in verdict.checks[1].detail
    assert "slow-1" not in verdict.checks[1].detail


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "partial"])
def test_a_run_that_did_not_measure_the_point_hides_none_of_another_cloud(
    tmp_path: Path, empty: bool
) -> None:
    """Neither from the gate, nor from the look for points that were lost."""
    asked, runs = with_two(tmp_path)
    broken = judged(runs[:1], INVALID, 0xAA)
    if empty:
        broken = edited(broken, points=[])
    elsewhere = edited([*past(asked, 5)], cloud="slow-1")
    verdict = added(asked, [*elsewhere, *broken], 0.5)
    assert verdict.outcome is Outcome.PASS
    assert "The baseline was measured on slow-1." in verdict.checks[1].detail
    with pytest.raises(ScenarioError, match="clients-1-rate-800"):
        refuse_lost([asked], Baseline(Side.of("before", [*edited(runs, cloud="slow-1"), *broken])))


def test_a_baseline_of_another_cloud_is_said_to_be_one(tmp_path: Path) -> None:
    asked = target(tmp_path)
    verdict = added(asked, edited(past(asked, 5), cloud="east\x1b[2J"), 0.5)
    assert verdict.outcome is Outcome.PASS
    assert verdict.checks[1].detail.endswith("The baseline was measured on east [2J.")


def test_a_load_from_another_cloud_is_no_baseline_of_one_from_within(tmp_path: Path) -> None:
    asked = target(tmp_path)
    verdict = added(asked, edited(past(asked, 5), testing_cloud="far-1"), 0.5)
    assert verdict.outcome is Outcome.INVALID
    assert "from within the cloud" in verdict.reasons[0]


def test_runs_of_these_servers_and_of_others_decide_nothing_and_say_why(tmp_path: Path) -> None:
    asked = target(tmp_path)
    same = edited(past(asked, 1, staging="1f2e3d4c"), run="0000ffff")
    verdict = added(asked, past(asked, 5) + same, 3.0)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "name those alone, or the others" in verdict.checks[1].detail
    assert "3 runs at least" not in verdict.checks[1].detail


def test_nothing_but_silence_is_a_fail_and_says_what_was_lost(tmp_path: Path) -> None:
    asked = target(tmp_path)
    verdict = added(asked, past(asked, 5), 1.0, failed=400)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.checks[1].detail.startswith(("p50 became beyond measure", "achieved became 0 req/s"))


TWO = FILE.replace("[400]", "[400, 800]")


def with_two(folder: Path) -> tuple[Target, list[RunRecord]]:
    """A scenario that has one rate of the two that its baseline has."""
    asked = target(folder)
    runs = []
    for run in past(asked, 3):
        point: Any = run.points[0].point
        slow = replace(point, id="http-east-west-clients-1-rate-800", rate=800.0)
        other = run.points[0].model_copy(update={"point": slow})
        runs.append(run.model_copy(update={"points": [*run.points, other]}))
    return asked, runs


def test_a_scenario_that_lost_a_point_does_not_pass_without_it(tmp_path: Path) -> None:
    asked, runs = with_two(tmp_path)
    with pytest.raises(ScenarioError, match="clients-1-rate-800") as refused:
        refuse_lost([asked], Baseline(Side.of("before", runs)))
    assert "has points of http-east-west that this no longer has" in str(refused.value)
    refuse_lost([target(tmp_path, TWO)], Baseline(Side.of("before", runs)))


def test_a_point_that_is_gone_on_purpose_is_named(tmp_path: Path) -> None:
    _, runs = with_two(tmp_path)
    named = FILE.replace("10%}", "10%, without: [clients-1-rate-800]}")
    refuse_lost([target(tmp_path, named)], Baseline(Side.of("before", runs)))
    other = FILE.replace("10%}", "10%, without: [clients-1-rate-900]}")
    with pytest.raises(ScenarioError, match="clients-1-rate-800"):
        refuse_lost([target(tmp_path, other)], Baseline(Side.of("before", runs)))


def test_points_of_other_scenarios_clouds_and_searches_are_not_lost(tmp_path: Path) -> None:
    asked, runs = with_two(tmp_path)
    elsewhere = past(asked, 1) + edited(runs[1:], cloud="slow-1")
    refuse_lost([asked], Baseline(Side.of("before", elsewhere)))
    renamed = target(tmp_path, FILE.replace("name: http-east-west", "name: another"))
    refuse_lost([renamed], Baseline(Side.of("before", runs)))


def test_an_empty_name_is_no_way_to_have_no_baseline(tmp_path: Path) -> None:
    """As of a variable of a pipeline that is not set."""
    selection = Selection.read(
        ["west-1"], [str(target(tmp_path, FILE.replace("  baseline: {max_slower: 10%}\n", "")).file)]
    )
    options = {"kb_baseline": "", "kb_reports": str(tmp_path)}
    config: Any = SimpleNamespace(getoption=options.get, stash={})
    with pytest.raises(ScenarioError, match="No run is named"):
        _held_against(config, selection)
    options["kb_baseline"] = None  # type: ignore[assignment]
    assert not _held_against(config, selection).compared
    assert baseline.OPTION == "--kb-baseline"
