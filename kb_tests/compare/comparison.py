"""The comparison of two sides: matched points, their ratios, what can be said of each, and the verdict."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kb_tests.compare.differences import Difference, differences, same_runs
from kb_tests.compare.points import Basis, Matched, basis_of, matched_at, of_all
from kb_tests.compare.ratio import FEWEST, factor, holm
from kb_tests.compare.sides import Key, Side
from kb_tests.errors import CompareError
from kb_tests.report.record import RunRecord
from kb_tests.report.words import printable
from kb_tests.scenario.units import counted, parse_share
from kb_tests.sla.verdict import Outcome

MAX_SLOWER = 0.10
"""By how much B may be slower, unless somebody says otherwise."""

CONFIDENCE = 0.95

ALL = "all points"

DECIDING = (Basis.ONE_STAGING, Basis.RUNS, Basis.PAIRS)
"""What a verdict on the cloud can be made of."""


class Mark(StrEnum):
    """What a sample shows of a figure."""

    WORSE = "worse"
    BETTER = "better"
    NONE = "no difference shown"


@dataclass(frozen=True)
class Row:
    """One figure of one point (`point` is its id, or "all points").

    `a` and `b` are in `unit` (NaN for all points), `ratio` is B to A, bounded by `low` and `high`, each but
    for the error probability that all rows share. `less` tells that less of it is better. `shown` is the
    smallest loss that would have been shown (0.07: 7 % slower), infinite where none would. `outcome` holds
    it against the limit on what it may have lost. `note` says why there are no bounds.
    """

    point: str
    figure: str
    unit: str
    a: float
    b: float
    ratio: float
    low: float
    high: float
    less: bool
    mark: Mark
    outcome: Outcome
    shown: float
    p_worse: float
    note: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Comparison:
    """B against A.

    `points` are the ids of those that are on both sides. `left_out` are sentences on points that could not be
    compared; those of A that B lacks keep it from passing. `reasons` say why no verdict can be given.
    """

    a: Side
    b: Side
    basis: Basis
    differences: tuple[Difference, ...]
    rows: tuple[Row, ...]
    points: tuple[str, ...]
    left_out: tuple[str, ...]
    reasons: tuple[str, ...]
    outcome: Outcome
    max_slower: float
    confidence: float

    @property
    def worse(self) -> list[Row]:
        """What is shown to be worse."""
        return [row for row in self.rows if row.mark is Mark.WORSE]

    @property
    def better(self) -> list[Row]:
        """What is shown to be better."""
        return [row for row in self.rows if row.mark is Mark.BETTER]

    def smallest(self) -> dict[str, float]:
        """By figure, the smallest loss that would have been shown at any of the points."""
        found: dict[str, float] = {}
        for row in self.rows:
            known = found.get(row.figure, math.inf)
            found[row.figure] = min(known, row.shown)
        return found


def compare(
    a: tuple[str, Iterable[RunRecord]],
    b: tuple[str, Iterable[RunRecord]],
    *,
    max_slower: float | None = None,
    confidence: float = CONFIDENCE,
    anyway: bool = False,
) -> Comparison:
    """Compare the records of two sides, each with its name.

    `max_slower` is the share that B may have lost, else that of the scenarios, else `MAX_SLOWER`. Raises
    CompareError where there is nothing to compare, or where what has to agree does not, unless `anyway`;
    RecordError for a damaged record.
    """
    sides = Side.of(*a), Side.of(*b)
    for side in sides:
        if not side.records:
            raise CompareError(f"There is no record of a run in {printable(side.name)}.")
    both = same_runs(sides[0].records, sides[1].records)
    if both:
        raise CompareError(
            f"Run {', '.join(both[:5])} is on both sides: a run cannot be compared with itself.",
            remedy="Name two runs, or two folders without a run in common.",
        )
    keys = [key for key in sides[0].points if key in sides[1].points]
    if not keys:
        raise CompareError(
            "The two sides have no valid point of the same scenario, load and scale.",
            remedy=" ".join(_left_out(*sides)[:3]),
        )
    found = differences(*sides, keys)
    refused = [one for one in found if one.refused]
    if refused and not anyway:
        named = "; ".join(f"{one.name}: {one.a} against {one.b}" for one in refused[:5])
        raise CompareError(
            f"What has to agree differs: {named}.", remedy="Compare them all the same with --anyway."
        )
    limit = allowed(sides, keys) if max_slower is None else max_slower
    return _judged(*sides, keys, found, limit, confidence)


def allowed(sides: Sequence[Side], keys: Iterable[Key]) -> float:
    """What the scenarios allow B to have lost, the least of them."""
    names = {key.scenario for key in keys}
    found = []
    for record in sides[-1].records:
        for scenario in record.scenarios:
            sla = scenario.settings.get("sla")
            baseline = sla.get("baseline") if isinstance(sla, dict) else None
            share = baseline.get("max_slower") if isinstance(baseline, dict) else None
            if scenario.name in names:
                with contextlib.suppress(ValueError):  # a record's settings are whatever was written
                    found.append(parse_share(share))
    return min((one for one in found if one), default=MAX_SLOWER)


def _judged(
    a: Side,
    b: Side,
    keys: Sequence[Key],
    found: Sequence[Difference],
    max_slower: float,
    confidence: float,
) -> Comparison:
    basis = basis_of(a, b, keys)
    matched = [one for key in keys for one in matched_at(a, b, key, basis)]
    matched += of_all(matched, basis)
    rows = judge(matched, basis, max_slower, 1 - confidence)
    return concluded(a, b, basis, found, matched, rows, max_slower, confidence)


def concluded(
    a: Side,
    b: Side,
    basis: Basis,
    found: Sequence[Difference],
    matched: Sequence[Matched],
    rows: Sequence[Row],
    max_slower: float,
    confidence: float,
    lost: Sequence[str] = (),
) -> Comparison:
    """What the rows of all that was `matched` come to; `lost` are more reasons that keep it from passing."""
    reasons = [*_reasons(a, b, basis), *lost]
    return Comparison(
        a=a,
        b=b,
        basis=basis,
        differences=tuple(found),
        rows=tuple(rows),
        points=tuple(dict.fromkeys(one.point.id for one in matched if one.point)),
        left_out=tuple(_left_out(a, b)),
        reasons=tuple(reasons),
        outcome=_outcome(rows, bool(reasons)),
        max_slower=max_slower,
        confidence=confidence,
    )


def judge(matched: Sequence[Matched], basis: Basis, max_slower: float, alpha: float) -> list[Row]:
    """A row for each, with what the sample shows of it."""
    limit = math.log1p(max_slower)
    bounded = [one for one in matched if one.ratio.bounded]
    share = alpha / max(1, len(bounded))
    worse = _made(bounded, [one.loss.p_above(0.0) for one in bounded], alpha)
    better = _made(bounded, [one.loss.p_below(0.0) for one in bounded], alpha)
    fails = _made(bounded, [one.loss.p_above(limit) for one in bounded], alpha)
    rows = []
    for one in matched:
        mark = Mark.WORSE if id(one) in worse else Mark.BETTER if id(one) in better else Mark.NONE
        outcome = Outcome.INCONCLUSIVE
        if basis in DECIDING and id(one) in fails:
            outcome = Outcome.FAIL
        elif basis in DECIDING and one.loss.p_below(limit) <= alpha:  # all have to hold: nothing to share
            outcome = Outcome.PASS
        rows.append(_row(one, mark, outcome, share))
    return rows


def _made(bounded: Sequence[Matched], p_values: Sequence[float], alpha: float) -> set[int]:
    return {id(one) for one, made in zip(bounded, holm(p_values, alpha), strict=True) if made}


def _row(one: Matched, mark: Mark, outcome: Outcome, share: float) -> Row:
    low, high = one.ratio.low(share), one.ratio.high(share)
    if mark is not Mark.NONE:  # Holm's step-down may show a little more than bounds that all rows share
        above = (mark is Mark.WORSE) is one.less
        low, high = (max(low, 0.0), high) if above else (low, min(high, 0.0))
    return Row(
        point=one.point.id if one.point else ALL,
        figure=one.name,
        unit=one.unit,
        a=one.values[0],
        b=one.values[1],
        ratio=factor(one.ratio.value),
        low=factor(low),
        high=factor(high),
        less=one.less,
        mark=mark,
        outcome=outcome,
        shown=factor(one.loss.shown(share)) - 1,
        p_worse=one.loss.p_above(0.0),
        note=one.note,
        counts=one.counts,
    )


def _outcome(rows: Sequence[Row], held_back: bool) -> Outcome:
    outcomes = {row.outcome for row in rows if row.counts}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if held_back or outcomes != {Outcome.PASS}:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


def _left_out(a: Side, b: Side) -> list[str]:
    told = []
    for mine, other in ((a, b), (b, a)):
        for key in mine.points:
            if key not in other.points:
                name = mine.points[key][0].record.id
                why = other.unusable.get(key, f"it is not in {other.name}")
                told.append(printable(f"{name} is left out: {why}."))
    shared = [key for key in a.unusable if key in b.unusable]
    told += [
        printable(f"{key.scenario} {key.load} at {key.clients} is left out: {a.unusable[key]}.")
        for key in shared
    ]
    for letter, side in (("A", a), ("B", b)):
        for key, (count, why) in side.partly.items():
            name = side.points[key][0].record.id
            lack = counted(count, f"run of {letter} lacks", f"runs of {letter} lack")
            told.append(printable(f"{name} is told by the other runs: {lack} it, {why}."))
        told += _slowed(letter, side)
    return told


def _slowed(letter: str, side: Side) -> Iterator[str]:
    """A sentence on each point that instruments may have made look slower."""
    for measured in side.points.values():
        if some := [one for one in measured if one.slowed]:
            runs = dict.fromkeys(one.run for one in some)
            yield printable(
                f"{some[0].record.id} of {letter} was no slower than it says, and may have been faster (run"
                f" {', '.join(list(runs)[:5])}): {some[0].record.remarks[0]}"
            )


def _reasons(a: Side, b: Side, basis: Basis) -> list[str]:
    told = []
    missing = [key for key in a.points if key not in b.points]
    if missing:
        have = counted(len(missing), "of the points of A has", "of the points of A have")
        told.append(f"{have} no valid counterpart in B.")
    if basis not in DECIDING:
        told.append(
            f"These are {_number(a)} against {_number(b)}, on stagings of their own{_short(a, b)}: they may"
            f" differ by where their servers came to stand. It takes {FEWEST} runs a side at least for a"
            " verdict on the cloud."
        )
    return told


def _short(a: Side, b: Side) -> str:
    """What is lacking where one side has runs enough; "" where it does not."""
    keys = [key for key in a.points if key in b.points]
    if max(len(a.records), len(b.records)) < FEWEST or not keys:
        return ""
    if any(set(a.units(key)) & set(b.units(key)) for key in keys):
        return " or on the same servers, which nothing joins"
    least = min(keys, key=lambda key: max(len(a.units(key)), len(b.units(key))))
    each = (counted(len(side.units(least)), "staging") for side in (a, b))
    return printable(f", and {a.points[least][0].record.id} was measured on {' of A and '.join(each)} of B")


def _number(side: Side) -> str:
    count = len(side.records)
    return counted(count, "run")
