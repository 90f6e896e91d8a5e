"""A baseline adds one check to a point's verdict, with four outcomes; it never passes by being absent."""

from __future__ import annotations

import functools
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kb_tests.errors import ScenarioError
from kb_tests.report import telling
from kb_tests.report.headline import headline
from kb_tests.report.record import PointRecord, RunRecord, ScenarioRecord, TopologyRecord
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.session.baseline import Baseline, check, missing
from kb_tests.session.selection import Selection
from kb_tests.session.target import Target
from kb_tests.sla.verdict import Outcome, Verdict
from simulated.shifting import Cloud, measurement
from tests.unit.compare.build import LEVEL, VERDICT
from tests.unit.compare.build import run as built
from tests.unit.report import build

FILE = """
name: http-east-west
kind: http
topology: {servers_per_network: 1}
load: {rate: [400], connections: 10, duration: 30s}
sla:
  latency: {p99: 50ms}
  baseline: {max_slower: 10%}
"""


def target(folder: Path, text: str = FILE) -> Target:
    file = folder / "http-east-west.yaml"
    file.write_text(text)
    return Target("west-1", load(file), file)


def measured(asked: Target, ratio: float, seed: int, failed: int = 0) -> Any:
    (point,) = expand(asked.scenario)
    assert isinstance(point, HttpPoint)
    return point, _measured(point, ratio, seed, failed)


@functools.cache
def _measured(point: HttpPoint, ratio: float, seed: int, failed: int) -> Any:
    logs = Cloud(np.random.default_rng(seed)).logs(LEVEL + math.log(ratio), 400 - failed, 30)
    return measurement(point, logs, [failed] * 30)


@functools.cache
def _record(point: HttpPoint, ratio: float, seed: int, failed: int) -> PointRecord:
    return PointRecord.judged(point, _measured(point, ratio, seed, failed), VERDICT, build.STARTED)


def past(
    asked: Target, count: int, *, staging: str = "", failed: int = 0, ratio: float = 1.0
) -> list[RunRecord]:
    """Runs of it, each on a staging of its own, unless `staging` is that of all."""
    (point,) = expand(asked.scenario)
    assert isinstance(point, HttpPoint)
    runs = []
    for index in range(count):
        record = _record(point, ratio, index, failed)
        scenario = ScenarioRecord(
            name="http-east-west",
            kind="http",
            file="x.yaml",
            settings=asked.scenario.model_dump(mode="json"),
            topology=TopologyRecord.of(build.topology(), [{"nginx": "1.22.1"}]),
        )
        runs.append(
            built(
                f"{index:08x}",
                points=[record.model_copy(update={"run": staging or f"{index + 256:08x}"})],
                day=index,
                scenarios=[scenario],
            )
        )
    return runs


def added(
    asked: Target,
    runs: list[RunRecord],
    ratio: float,
    *,
    nginx: str = "1.22.1",
    verdict: Verdict = VERDICT,
    failed: int = 0,
) -> Verdict:
    from kb_tests.compare.sides import Side

    point, found = measured(asked, ratio, 99, failed)
    fleet: Any = SimpleNamespace(versions=[{"nginx": nginx}])
    return Baseline(Side.of("before", runs)).added(
        verdict, point, found, asked, build.topology(), fleet, checks=2, look=1, looks=1
    )


@pytest.mark.parametrize(
    ("ratio", "outcome"), [(2.0, Outcome.FAIL), (0.5, Outcome.PASS), (1.08, Outcome.INCONCLUSIVE)]
)
def test_it_is_one_check_more(ratio: float, outcome: Outcome, tmp_path: Path) -> None:
    asked = target(tmp_path)
    verdict = added(asked, past(asked, 5), ratio)
    assert [check.name for check in verdict.checks] == ["latency p99", "baseline"]
    assert (verdict.checks[1].outcome, verdict.outcome) == (outcome, outcome)
    assert verdict.checks[1].limit == pytest.approx(1.1)


def test_what_is_told_names_the_figure_that_lost_most(tmp_path: Path) -> None:
    """In the first sentence, in what a test prints, and in JUnit: how often it lost is no news by itself."""
    asked = target(tmp_path)
    point, found = measured(asked, 2.0, 99)
    record = PointRecord.judged(point, found, added(asked, past(asked, 5), 2.0), build.STARTED)
    said = r"p\d+ became [\d.]+ms from [\d.]+ms in 5 runs of before, the most that any figure lost"
    assert re.match(said, telling.findings(record)[0])
    assert re.search(f"at 400 req/s {said}: .* is allowed\\.$", headline(build.run([record])))


def test_a_baseline_in_which_as_much_failed_passes_nothing(tmp_path: Path) -> None:
    """Of p99 it is known on both sides that it is beyond the timeout, and nothing else."""
    asked = target(tmp_path)
    verdict = added(asked, past(asked, 5, failed=8), 1.0, failed=30)
    assert (verdict.checks[1].outcome, verdict.outcome) == (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)
    assert verdict.checks[1].detail.startswith(
        "p99 is beyond measure and was beyond measure in 5 runs of before: nothing tells how much it lost,"
        " where 1.1 times is allowed. "
    )


def test_one_run_of_another_staging_decides_nothing(tmp_path: Path) -> None:
    asked = target(tmp_path)
    for ratio in (0.2, 9.0):
        verdict = added(asked, past(asked, 1), ratio)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert "3 runs at least" in verdict.checks[1].detail


def test_one_run_on_the_same_servers_decides(tmp_path: Path) -> None:
    asked = target(tmp_path)
    assert added(asked, past(asked, 1, staging="1f2e3d4c"), 2.0).outcome is Outcome.FAIL


def test_what_cannot_be_compared_is_invalid(tmp_path: Path) -> None:
    asked = target(tmp_path)
    verdict = added(asked, past(asked, 3), 1.0, nginx="1.26.0")
    assert verdict.outcome is Outcome.INVALID
    assert "nginx was 1.22.1 and is 1.26.0" in verdict.reasons[0]
    (record,) = past(asked, 1)
    elsewhere = record.points[0].model_copy(update={"point": build.point(3, 7)})
    verdict = added(asked, [record.model_copy(update={"points": [elsewhere]})], 1.0)
    assert (verdict.outcome, verdict.checks[1].outcome) == (Outcome.INVALID, Outcome.INCONCLUSIVE)
    assert "no point of this scenario" in verdict.reasons[0]


def test_an_invalid_point_stays_invalid_for_its_own_reason(tmp_path: Path) -> None:
    asked = target(tmp_path)
    bad = replace(VERDICT, outcome=Outcome.INVALID, reasons=("Its generators starved.",))
    verdict = added(asked, past(asked, 5), 0.5, verdict=bad)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("Its generators starved.",))


def test_a_broken_sla_stays_broken(tmp_path: Path) -> None:
    asked = target(tmp_path)
    check = replace(VERDICT.checks[0], outcome=Outcome.FAIL)
    bad = replace(VERDICT, outcome=Outcome.FAIL, checks=(check,))
    assert added(asked, past(asked, 5), 0.5, verdict=bad).outcome is Outcome.FAIL


def test_a_scenario_that_asks_for_a_baseline_has_to_be_given_one(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"--kb-baseline FOLDER\|RUN"):
        missing([target(tmp_path)])
    missing([target(tmp_path, FILE.replace("  baseline: {max_slower: 10%}\n", ""))])


def test_a_search_does_not_pass_unheld_where_a_baseline_is_named(tmp_path: Path) -> None:
    plain = FILE.replace("  baseline: {max_slower: 10%}\n", "")
    check([target(tmp_path, plain)])
    searching = plain.replace("{rate: [400], ", "{capacity: {of: rate, from: 400, to: 4000}, ")
    with pytest.raises(
        ScenarioError, match="http-east-west searches a capacity, whose loads no other run has"
    ):
        check([target(tmp_path, searching.replace(", duration: 30s", ""))])


@pytest.mark.parametrize("share", ["0%", "100%", "10", "-5%"])
def test_a_share_that_makes_no_sense_is_refused(share: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"sla\.baseline\.max_slower"):
        target(tmp_path, FILE.replace("10%", share))


def test_what_is_no_baseline_is_a_mistake_of_usage(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    for name in ("nothing", str(tmp_path / "reports")):
        with pytest.raises(ScenarioError, match="--kb-baseline"):
            Baseline.read(name, tmp_path / "reports")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ScenarioError, match="--kb-baseline"):
        Baseline.read(str(tmp_path / "bad.json"), tmp_path)


def test_a_baseline_that_is_damaged_within_is_one_too(tmp_path: Path) -> None:
    """Before anything is staged, not when the first point has run."""
    (run,) = past(target(tmp_path), 1)
    path = run.write(tmp_path / "past")
    data = json.loads(path.read_text())
    data["points"][0]["measurement"]["response"] = "HISTFAAAAUR4nC1M"
    path.write_text(json.dumps(data))
    with pytest.raises(ScenarioError, match=r"--kb-baseline: \S+ of run 00000000: .*histogram"):
        Baseline.read(str(tmp_path / "past"), tmp_path)


@pytest.mark.parametrize("length", [math.nan, math.inf])
def test_a_window_without_an_end_is_damage(length: float, tmp_path: Path) -> None:
    (run,) = past(target(tmp_path), 1)
    path = run.write(tmp_path / "past")
    data = json.loads(path.read_text())
    data["points"][0]["measurement"]["duration"] = length
    path.write_text(json.dumps(data))
    with pytest.raises(ScenarioError, match=r"--kb-baseline: \S+ of run 00000000: .*damaged"):
        Baseline.read(str(tmp_path / "past"), tmp_path)


def test_it_counts_among_the_checks(tmp_path: Path) -> None:
    file = target(tmp_path).file
    selection = Selection.read(["west-1"], [str(file)])
    alone = selection.number_of_checks([])
    assert replace(selection, compared=True).number_of_checks([]) == alone + 1
