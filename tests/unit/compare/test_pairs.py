"""Points that were measured in turns: slower, not slower, or nothing that so few pairs could show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from kb_tests.compare import words
from kb_tests.compare.comparison import ALL, Mark, judge
from kb_tests.compare.pairs import PairOf, checks, compare_pairs
from kb_tests.compare.points import Basis, lacking
from kb_tests.compare.samples import Figure
from kb_tests.errors import CompareError
from kb_tests.report.measurements import MEASUREMENTS
from kb_tests.report.pairs import PairRecord, PairsRecord
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, load
from kb_tests.sla.decide import Risk
from kb_tests.sla.verdict import Outcome
from simulated.shifting import Cloud, measurement
from tests.unit.compare.build import LEVEL, point, run
from tests.unit.report import build

A = build.point(1, 200)
B = build.point(1, 200, scenario="http-east-west-b")
NOTHING: dict[str, Any] = {"measurement": None, "verdict": None, "pairs": None}


def pairs(
    count: int, ratio: float, *, drift: float = 0.0, seed: int = 0, failed: int = 0
) -> tuple[PairRecord, ...]:
    """Pairs on one cloud, in turns; its level rises by `drift` from each measurement to the next, `failed`
    more requests fail in each second.
    """
    cloud = Cloud(np.random.default_rng(seed))
    level = LEVEL
    made = []
    for turn in range(count):
        found: dict[str, Any] = {}
        for side in ("ab", "ba")[turn % 2]:
            asked, times = (A, 1.0) if side == "a" else (B, ratio)
            logs = cloud.logs(level + math.log(times), 200, 30)
            found[side] = MEASUREMENTS["http"].record(asked, measurement(asked, logs, [failed] * 30), {})
            level += drift
        made.append(PairRecord(b_first=bool(turn % 2), started=build.STARTED, **found))
    return tuple(made)


def judged(count: int, ratio: float, **options: Any) -> dict[str, Outcome]:
    of = PairOf(A, B, pairs(count, ratio, **options), frozenset({99.0}))
    return {check.name: check.outcome for check in checks(of, 0.10, Risk(0.05, 1))}


def paired(count: int, ratio: float) -> RunRecord:
    kept = PairsRecord(point=B, run="0000000b", sides=("old", "new"), pairs=pairs(count, ratio))
    return run("0000000a", points=[point(A).model_copy(update={"pairs": kept})])


@pytest.mark.parametrize(
    ("ratio", "outcome"), [(2.0, Outcome.FAIL), (0.7, Outcome.PASS), (1.1, Outcome.INCONCLUSIVE)]
)
def test_each_figure_is_a_check(ratio: float, outcome: Outcome) -> None:
    found = judged(4, ratio)
    assert list(found) == ["pairs p50", "pairs p99", "pairs achieved"]
    assert found["pairs p99"] is outcome
    assert found["pairs achieved"] is Outcome.PASS


def test_two_pairs_show_nothing() -> None:
    assert judged(2, 9.0)["pairs p99"] is Outcome.INCONCLUSIVE


def test_what_is_beyond_measure_on_both_sides_passes_nothing() -> None:
    found = judged(4, 0.7, failed=10)
    assert (found["pairs p50"], found["pairs p99"]) == (Outcome.PASS, Outcome.INCONCLUSIVE)


def test_turns_cancel_what_drifts() -> None:
    """Each measurement is 10 % slower than the one before: B is no slower than A for that."""
    of = PairOf(A, B, pairs(8, 1.0, drift=math.log(1.1)), frozenset())
    (p50,) = (check for check in checks(of, 0.10, Risk(0.05, 1)) if check.name == "pairs p50")
    assert p50.value == pytest.approx(1.0, abs=0.1)
    assert p50.outcome is not Outcome.FAIL


def test_a_run_with_pairs_is_a_comparison_by_itself() -> None:
    found = compare_pairs([paired(4, 2.0)])
    assert (found.basis, found.outcome) == (Basis.PAIRS, Outcome.FAIL)
    assert (found.a.name, found.b.name) == ("old", "new")
    assert {row.point for row in found.rows} <= {A.id, ALL}
    assert next(row for row in found.rows if row.figure == "p99").mark is Mark.WORSE
    assert words.headline(found).startswith("new is worse than old at")


def test_sessions_of_other_sides_are_not_told_under_the_names_of_the_first() -> None:
    """Where A and B are turned round, what became faster would be called slower."""
    whole = paired(4, 0.5)
    kept = whole.points[0].pairs
    assert kept is not None
    turned = whole.points[0].model_copy(update={"pairs": kept.model_copy(update={"sides": ("new", "old")})})
    other = whole.model_copy(update={"run": "0000000c", "points": [turned]})
    assert compare_pairs([whole, whole.model_copy(update={"run": "0000000d"})]).b.name == "new"
    with pytest.raises(CompareError, match="old against new; new against old"):
        compare_pairs([whole, other])


def test_a_run_without_pairs_is_none() -> None:
    with pytest.raises(CompareError, match="--kb-pairs"):
        compare_pairs([run("0000000a")])


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param({"status": PointStatus.INVALID, "reason": "A turn was not valid."}, id="invalid"),
        pytest.param({"status": PointStatus.NOT_RUN, "reason": "It broke off.", **NOTHING}, id="not-run"),
        pytest.param({"status": PointStatus.LOST, "reason": "It was lost.", **NOTHING}, id="lost"),
    ],
)
def test_a_point_without_valid_pairs_keeps_a_run_from_passing(lost: dict[str, Any]) -> None:
    whole = paired(4, 0.5)
    other = point(build.point(2, 200)).model_copy(update={"pairs": whole.points[0].pairs} | lost)
    found = compare_pairs([whole.model_copy(update={"points": [*whole.points, other]})])
    assert compare_pairs([whole]).outcome is Outcome.PASS
    assert found.outcome is Outcome.INCONCLUSIVE
    assert {row.point for row in found.rows} == {A.id}
    assert any(other.id in sentence for sentence in found.reasons)


def test_writes_that_one_side_has_none_of_are_not_left_out() -> None:
    """Nothing is known of their times then, and a rate of nothing is no rate to be passed over."""
    read = Figure("read IOPS", "IOPS", 900.0, False, None)
    write = Figure("write IOPS", "IOPS", 100.0, False, None)
    both, reads = {one.name: one for one in (read, write)}, {read.name: read}
    (found,) = lacking(A, [both, both], [both, reads])
    assert (found.name, found.values, found.counts) == ("write IOPS", (100.0, 0.0), True)
    (row,) = judge([found], Basis.PAIRS, 0.10, 0.05)
    assert row.outcome is Outcome.INCONCLUSIVE
    assert lacking(A, [both], [both]) == []


def test_the_record_keeps_them(tmp_path: Any) -> None:
    record = paired(3, 1.5)
    again = load(record.write(tmp_path))
    assert again == record
    kept: PointRecord = again.points[0]
    assert kept.pairs is not None
    assert [pair.b_first for pair in kept.pairs.pairs] == [False, True, False]
