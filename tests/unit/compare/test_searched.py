"""Capacities that searches found, compared by their intervals; and error rates, which are told."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from kb_tests.compare.comparison import Comparison, Mark, compare
from kb_tests.compare.words import as_json, headline, text
from kb_tests.errors import CompareError
from kb_tests.report.record import RunRecord
from kb_tests.sla.capacity.model import End
from kb_tests.sla.verdict import Outcome
from tests.unit.compare import build as cloud
from tests.unit.report import build
from tests.unit.report.test_scaling import searched

ONE = {"run": "aaaa0001"}


def run(name: str, each: float, *, end: End = End.FOUND, width: float = 0.02, **changes: Any) -> RunRecord:
    point = searched(4, each, end)
    assert point.capacity is not None
    high = each * (1 + width) if end is End.FOUND else math.inf
    found = point.capacity.model_copy(update={"low": each / (1 + width), "high": high, **changes})
    return cloud.run(name, points=[point.model_copy(update={"capacity": found, **ONE})])


def found(a: float, b: float, **changes: Any) -> Comparison:
    return compare(("before", [run("aaaa0001", a)]), ("after", [run("aaaa0002", b, **changes)]))


def test_a_capacity_that_fell_is_told_with_its_bounds() -> None:
    """4,000 and 3,000 requests/s, each to 2 %, on one staging."""
    made = found(1000, 750)
    (row,) = made.rows
    assert (row.figure, row.unit, round(row.a), round(row.b)) == ("capacity", "requests/s", 4000, 3000)
    assert row.mark is Mark.WORSE
    assert 0.72 < row.low < 0.75 < row.high < 0.78
    assert made.outcome is Outcome.FAIL
    assert headline(made) == (
        "after is worse than before at http-east-west-clients-4-capacity:"
        " capacity 4,000 requests/s became 3,000 requests/s, 0.75 times"
        f" ({row.low:.2f} to {row.high:.2f})."
    )
    assert any("FAIL" in line and line.endswith(" less") for line in text(made))


@pytest.mark.parametrize("confidence", [0.0, 1.0, -3.0, math.nan])
def test_a_confidence_that_is_none_bounds_nothing(confidence: float) -> None:
    made = found(1000, 750, confidence=confidence)
    assert (made.outcome, math.isinf(made.rows[0].high)) == (Outcome.INCONCLUSIVE, True)


def test_intervals_that_meet_show_no_difference() -> None:
    made = found(1000, 990)
    assert made.rows[0].mark is Mark.NONE
    assert made.outcome is Outcome.PASS, "surely not less by 10 %"
    assert "No difference" in headline(made)


def test_wide_intervals_show_little() -> None:
    made = found(1000, 950, width=0.2)
    assert made.rows[0].mark is Mark.NONE
    assert made.outcome is Outcome.INCONCLUSIVE
    assert 0.15 < made.rows[0].shown < 0.6


@pytest.mark.parametrize("end", [End.BELOW, End.AT_LEAST])
def test_a_search_that_found_no_interval_is_left_out(end: End) -> None:
    both = ("a", [run("aaaa0001", 1000)]), ("b", [run("aaaa0002", 1000, end=end)])
    with pytest.raises(CompareError, match="no valid point") as told:
        compare(*both)
    assert "its search found no capacity" in told.value.remedy


def test_capacities_of_other_probes_are_not_the_same() -> None:
    with pytest.raises(CompareError, match=r"search of .*: rate, in probes of 30 s against rate, in"):
        found(1000, 1000, probe=60.0)


def test_six_runs_are_compared_by_how_they_differ() -> None:
    def side(first: int, ratios: tuple[float, ...]) -> list[RunRecord]:
        return [run(f"{first + n:08x}", 1000 * ratio).model_copy() for n, ratio in enumerate(ratios)]

    def apart(records: list[RunRecord]) -> list[RunRecord]:
        return [
            one.model_copy(
                update={"points": [point.model_copy(update={"run": one.run}) for point in one.points]}
            )
            for one in records
        ]

    a, b = apart(side(1, (1.0, 1.04, 0.97))), apart(side(11, (0.7, 0.72, 0.69)))
    made = compare(("a", a), ("b", b))
    assert made.outcome is Outcome.FAIL
    assert made.rows[0].mark is Mark.WORSE


def test_error_rates_stand_beside_and_judge_nothing() -> None:
    asked = build.point(1, 200.0)
    good = cloud.run("aaaa0001", points=[cloud.point(asked, seed=1)])
    bad = cloud.run(
        "aaaa0002", points=[cloud.point(asked, seed=2, failed=[2] * round(asked.duration), served=198)]
    )
    made = compare(("a", [good]), ("b", [bad]))
    row = next(row for row in made.rows if row.figure == "errors")
    assert (row.a, row.counts, row.mark, row.note[:20]) == (0.0, False, Mark.NONE, "not judged by itself")
    assert row.b == pytest.approx(1.0)
    line = next(line for line in text(made) if " errors " in line)
    assert "0 %" in line
    assert "1 %" in line
    assert not [
        row for row in compare(("a", [good]), ("c", [cloud.run("aaaa0003")])).rows if row.figure == "errors"
    ]
    assert json.loads(as_json(made))["rows"]


def test_the_first_sentence_says_where_if_somebody_stood_out() -> None:
    asked = build.point(1, 200.0)
    host = ("Host c5 with 3 servers: p99 of response time is 3.7 times that of the others.", "More.")
    slow = cloud.point(asked, ratio=3.0, seed=2)
    good, bad = (
        cloud.run(name, points=[point.model_copy(update=ONE | {"culprits": told})])
        for name, point, told in (
            ("aaaa0001", cloud.point(asked, seed=1), ()),
            ("aaaa0002", slow, host),
        )
    )
    said = headline(compare(("before", [good]), ("after", [bad])))
    assert said.startswith("after is worse than before at http-east-west-clients-1-rate-200: p")
    assert said.endswith(f"; h{host[0][1:]}")
    assert host[0][1:] not in headline(compare(("after", [bad]), ("before", [good])))
