"""Points that were measured on two sides in turns: their ratios, one check a figure, and the whole
comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb_tests.compare.comparison import CONFIDENCE, Comparison, allowed, concluded, judge
from kb_tests.compare.differences import differences
from kb_tests.compare.estimate import Estimate
from kb_tests.compare.points import (
    TOO_SMALL,
    Basis,
    Matched,
    lacking,
    of_all,
    times_count,
    unbounded,
    unknown,
)
from kb_tests.compare.ratio import factor, of_pairs
from kb_tests.compare.samples import Figure, Sample, middle
from kb_tests.compare.sides import USUAL, Side, why_not
from kb_tests.compare.words import ratio, truly
from kb_tests.compare.workloads import samples_of
from kb_tests.errors import CompareError
from kb_tests.report.pairs import PairRecord
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.report.words import duration, number, printable
from kb_tests.scenario.base import Point
from kb_tests.scenario.units import counted
from kb_tests.sla.decide import Risk
from kb_tests.sla.verdict import PAIRS, Check


@dataclass(frozen=True)
class PairOf:
    """A's `point` and B's, the `pairs` that were measured of them, and the percentiles that the SLA
    limits.
    """

    point: Point
    other: Point
    pairs: Sequence[PairRecord]
    limits: frozenset[float]


def matched_pairs(of: PairOf) -> list[Matched]:
    """Every figure of a point on both sides; raises RecordError for damaged histograms."""
    wanted = sorted({*USUAL, *of.limits})
    turns = [
        (_figures(of.point, pair, "a", wanted), _figures(of.other, pair, "b", wanted)) for pair in of.pairs
    ]
    made = lacking(of.point, [a for a, _ in turns], [b for _, b in turns])
    for name in turns[0][0] if turns else ():
        if not all(name in side for turn in turns for side in turn):
            continue
        first = turns[0][0][name]
        values = middle([a[name] for a, _ in turns]), middle([b[name] for _, b in turns])
        estimates = [(a[name].estimate, b[name].estimate) for a, b in turns]
        known: list[tuple[Estimate, Estimate]] = [(a, b) for a, b in estimates if a and b]
        enough = len(known) == len(turns)
        ratio = of_pairs(known) if enough else unknown(values)
        percent = name.rpartition("p")[2]
        counts = enough or not first.less or (percent in {f"{limit:g}" for limit in of.limits})
        made.append(
            Matched(
                point=of.point,
                name=name,
                unit=first.unit,
                less=first.less,
                values=values,
                a=tuple(a for a, _ in known),
                b=tuple(b for _, b in known),
                ratio=ratio,
                note=unbounded(ratio) if enough else TOO_SMALL,
                counts=counts,
            )
        )
    return times_count(made)


def _figures(point: Point, pair: PairRecord, side: str, wanted: Sequence[float]) -> dict[str, Figure]:
    samples: Sequence[Sample] = samples_of(point.kind, point, getattr(pair, side), ())
    return {
        figure.name: figure
        for sample in samples
        for figure in (
            *(sample.percentile(percent) for percent in wanted if sample.timed),
            sample.achieved(),
        )
    }


def checks(of: PairOf, max_slower: float, risk: Risk) -> tuple[Check, ...]:
    """One check for each figure that can be compared: B may have lost `max_slower` of it."""
    found = [one for one in matched_pairs(of) if one.counts]
    limit = 1 + max_slower
    share = Risk(risk.alpha / max(1, len(found)), risk.looks)
    return tuple(_check(one, limit, risk, share) for one in found)


def _check(one: Matched, limit: float, risk: Risk, share: Risk) -> Check:
    """A fail shares the error probability with the other figures of its point; to pass, all have to hold."""
    loss, log = one.loss, math.log(limit)
    p_pass, p_fail = loss.p_below(log), loss.p_above(log)
    outcome, p_pass, p_fail = risk.decide(p_pass, min(1.0, p_fail * risk.alpha / share.alpha))
    value, low, high = (factor(log) for log in (loss.value, loss.low(share.alpha), loss.high(share.alpha)))
    a, b = (duration(side) if one.unit == "s" else f"{number(side)} {one.unit}" for side in one.values)
    lost = (
        "nothing tells how much B has lost"
        if math.isnan(value)
        else f"B has lost {ratio(value)} times, {truly(low, high)}"
    )
    told = (
        f"{one.name} is {a} on A and {b} on B: {lost}, where {limit:.4g} is allowed; judged from"
        f" {counted(len(one.a), 'pair')}."
    )
    return Check(f"{PAIRS} {one.name}", outcome, value, limit, "x", low, high, True, told, p_pass, p_fail)


def compare_pairs(
    records: Iterable[RunRecord], *, max_slower: float | None = None, confidence: float = CONFIDENCE
) -> Comparison:
    """The comparison that sessions with pairs of the same two sides have made; raises CompareError where
    there are none, or others.
    """
    runs = list(records)
    points = [point for run in runs for point in run.points if point.pairs is not None]
    if not points:
        raise CompareError(
            "No point in it was measured in pairs.",
            remedy="Name two sides, or a run that was made with --kb-pairs and staged both sides.",
        )
    _refuse_other_sides(points)
    a, b = _sides(runs, points)
    keys = list(a.points)
    valid = [point for point in points if _believed(point)]
    matched = [one for point in valid for one in matched_pairs(_pair_of(point))]
    matched += of_all(matched, Basis.PAIRS)
    limit = allowed((a, b), keys) if max_slower is None else max_slower
    found = [one for one in differences(a, b, keys) if not one.name.startswith("load rate")]
    return concluded(
        a,
        b,
        Basis.PAIRS,
        found,
        matched,
        judge(matched, Basis.PAIRS, limit, 1 - confidence),
        limit,
        confidence,
        _without(runs),
    )


def _refuse_other_sides(points: Iterable[PointRecord]) -> None:
    """CompareError where A of one session is no A of another: one name would stand for both."""
    sides = dict.fromkeys(point.pairs.sides for point in points if point.pairs)
    if len(sides) > 1:
        named = "; ".join(f"{a} against {b}" for a, b in list(sides)[:3])
        raise CompareError(
            printable(f"These sessions with pairs are of different sides: {named}."),
            remedy="Name a run, or runs of the same two sides.",
        )


def _without(runs: Iterable[RunRecord]) -> list[str]:
    """A sentence on the points of sessions with pairs that have none which could be compared."""
    lost: list[str] = []
    for run in runs:
        if all(point.pairs is None for point in run.points):
            continue
        valid = {point.id for point in run.points if point.pairs is not None and _believed(point)}
        asked = [point.id for point in run.points if point.status is not PointStatus.MEASURED]
        lost += [name for name in dict.fromkeys(asked) if name not in valid]
    if not lost:
        return []
    return [f"{len(lost)} of the points have no valid pairs: {printable(', '.join(lost[:5]))}."]


def _believed(point: PointRecord) -> bool:
    """Whether nothing was wrong with a turn: older records only note what slowed one of the sides."""
    return not why_not(point) and not point.remarks


def _pair_of(point: PointRecord) -> PairOf:
    assert point.pairs is not None
    named = {check.name.rpartition(" p")[2] for check in point.verdict.checks} if point.verdict else set()
    limits = frozenset(float(percent) for percent in named if percent.replace(".", "", 1).isdecimal())
    return PairOf(point.point, point.pairs.point, point.pairs.pairs, limits)


def _sides(runs: Sequence[RunRecord], points: Sequence[PointRecord]) -> tuple[Side, Side]:
    """Both sides as if each had a record of its own, B's scenarios under the names of A's."""
    assert points[0].pairs is not None
    names = points[0].pairs.sides
    of_b = {point.pairs.point.scenario: point.point.scenario for point in points if point.pairs}
    mine, others = [], []
    for run in runs:
        bare = [point.model_copy(update={"pairs": None}) for point in run.points if point.pairs is not None]
        mine.append(
            run.model_copy(
                update={
                    "points": bare,
                    "scenarios": [one for one in run.scenarios if one.name not in of_b],
                }
            )
        )
        others.append(
            run.model_copy(
                update={
                    "points": bare,
                    "scenarios": [
                        one.model_copy(update={"name": of_b[one.name]})
                        for one in run.scenarios
                        if one.name in of_b
                    ],
                }
            )
        )
    a, b = Side.of(names[0], mine), Side.of(names[1], others)
    return a, b
