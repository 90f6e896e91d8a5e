"""Measuring one point of two sides in turns, and the verdict on their ratio."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from kb_tests.compare.pairs import PairOf, checks
from kb_tests.report.measurements import MEASUREMENTS
from kb_tests.report.pairs import PairRecord, PairsRecord
from kb_tests.report.record import PointRecord
from kb_tests.scenario.base import Point
from kb_tests.scenario.baseline import Baseline
from kb_tests.session.strategy import InTurns, follow
from kb_tests.sla.decide import Risk
from kb_tests.sla.family import worst
from kb_tests.sla.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from kb_tests.session.point_runner import PointRunner
    from kb_tests.session.probe import Once

P = TypeVar("P", bound=Point)


@dataclass(frozen=True)
class Against:
    """B: what runs its points, all of them, in how many `pairs`, and what both sides are called."""

    runner: PointRunner[Any, Any, Any]
    points: tuple[Point, ...]
    pairs: int
    sides: tuple[str, str]


def opposite(point: P, scenario_a: str, points: tuple[Point, ...]) -> Point:
    """B's point of the same load and scale as A's `point`: the one in the same place among `points`."""
    name = point.id.removeprefix(scenario_a)
    return next(one for one in points if one.id.removeprefix(one.scenario) == name)


def in_turns(
    a: Any, b: Any, point: Point, other: Point, number: int, *, checks_made: int, sides: tuple[str, str]
) -> PointRecord:
    """The record of a point that ran `number` times on each of two sides, in turns A-B-B-A.

    `a` and `b` are their runners. What a comparison cannot believe of one turn makes the point invalid: what
    makes one side look slower makes the other look faster, so that what a limit may pass over stands here.
    """
    began = datetime.now(UTC)
    runners = {point.scenario: a, other.scenario: b}
    steps = iter(range(1, 2 * number + 1))
    turns: list[Once[Any, Any]] = follow(
        InTurns(point, other, number),
        lambda one: runners[one.scenario].once(one, next(steps), 2 * number),
    )
    reasons = tuple(dict.fromkeys(doubt for turn in turns for doubt in (*turn.doubts, *turn.notes)))
    record = MEASUREMENTS[point.kind].record
    pairs = []
    for first, second in zip(turns[::2], turns[1::2], strict=True):
        mine, others = (first, second) if first.point.scenario == point.scenario else (second, first)
        pairs.append(
            PairRecord(
                b_first=mine is second,
                started=first.started,
                a=record(point, mine.measurement, a.limits()),
                b=record(other, others.measurement, b.limits()),
            )
        )
    sla = a.scenario.sla
    limit = (sla.baseline or Baseline()).max_slower
    risk = Risk((1 - sla.confidence) / max(1, checks_made), 1)
    of = PairOf(point, other, tuple(pairs), a.percentiles())
    made = checks(of, limit, risk)
    outcome = Outcome.INVALID if reasons else worst(made)
    verdict = Verdict(outcome, made, reasons, sla.confidence, 1)
    last = next(turn for turn in reversed(turns) if turn.point.scenario == point.scenario)
    kept = PointRecord.judged(point, last.measurement, verdict, began)
    return kept.model_copy(
        update={
            "pairs": PairsRecord(
                point=other,
                run=b.topology.run_id,
                sides=sides,
                pairs=tuple(pairs),
            )
        }
    )
