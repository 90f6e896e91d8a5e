"""A point that has just run, held against the runs of a baseline: one check of its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kb_tests.compare.differences import differences
from kb_tests.compare.points import Basis, Matched, basis_of, matched_at
from kb_tests.compare.ratio import FEWEST, factor
from kb_tests.compare.sides import Side, key_of
from kb_tests.compare.words import BASES
from kb_tests.report.record import RunRecord
from kb_tests.report.words import duration, number, printable
from kb_tests.scenario.units import counted
from kb_tests.sla.decide import Risk
from kb_tests.sla.verdict import BASELINE, Check, Outcome


@dataclass(frozen=True)
class Held:
    """The check, and why nothing can be said at all (then the point is invalid)."""

    check: Check
    reasons: tuple[str, ...] = ()


def held_against(baseline: Side, now: RunRecord, max_slower: float, risk: Risk) -> Held:
    """Hold the only point of `now` against `baseline`; `risk` is what this look at the check may err by.

    The figure that lost most is told. Raises RecordError where a record of the baseline is damaged.
    """
    (point,) = now.points
    side = Side.of("this run", [now])
    key = key_of(point)
    limit = 1 + max_slower
    refused = _refused(baseline, side)
    if refused:
        told = f"It cannot be held against the baseline {printable(baseline.name)}: {refused}."
        nothing = Check(BASELINE, Outcome.INCONCLUSIVE, math.nan, limit, "x", math.nan, math.nan, True, told)
        return Held(nothing, (told,))
    basis = basis_of(baseline, side, [key])
    found = [one for one in matched_at(baseline, side, key, basis) if one.counts]
    return Held(_check(found, basis, baseline, limit, risk))


def _refused(baseline: Side, side: Side) -> str:
    """Why the two cannot be compared; "" if they can."""
    keys = [key for key in side.points if key in baseline.points]
    if not side.points:
        return "it was not measured as it should"
    if not keys:
        (key,) = side.points
        return baseline.unusable.get(key, "that has no point of this scenario, load and scale")
    strict = [one for one in differences(baseline, side, keys) if one.refused]
    return "; ".join(f"{one.name} was {one.a} and is {one.b}" for one in strict[:5])


def _check(found: Sequence[Matched], basis: Basis, baseline: Side, limit: float, risk: Risk) -> Check:
    log = math.log(limit)
    count = max(1, len(found))
    decides = basis in (Basis.ONE_STAGING, Basis.RUNS, Basis.ONE_SIDE)
    p_fail = min(1.0, min((one.loss.p_above(log) for one in found), default=1.0) * count)
    p_pass = max((one.loss.p_below(log) for one in found), default=1.0)  # all have to hold: nothing to share
    if not decides:
        p_pass = p_fail = 1.0
    outcome, p_pass, p_fail = risk.decide(p_pass, p_fail)
    worst = max(
        found,
        key=lambda one: (one.loss.p_below(log), math.isnan(one.loss.value), one.loss.value),
        default=None,
    )
    if worst is None:
        told = f"Nothing of it can be compared with the baseline {printable(baseline.name)}."
        return Check(BASELINE, outcome, math.nan, limit, "x", math.nan, math.nan, True, told, p_pass, p_fail)
    loss = worst.loss
    share = risk.alpha / count
    value, low, high = (factor(one) for one in (loss.value, loss.low(share), loss.high(share)))
    runs = f"in {counted(len(baseline.records), 'run')} of {printable(baseline.name)}"
    told = (
        f"{worst.name} is {_told(worst, 1)} and was {_told(worst, 0)} {runs}: nothing tells how much it lost,"
        f" where {limit:.4g} times is allowed."
        if math.isnan(value)
        else f"{worst.name} became {_told(worst, 1)} from {_told(worst, 0)} {runs}, the most that any"
        f" figure lost: {value:.3g} times, truly {low:.3g} to {high:.3g}, where {limit:.4g} is allowed."
    )
    told += f" {BASES[basis]}" if decides else f" {FEW}"
    return Check(BASELINE, outcome, value, limit, "x", low, high, True, told, p_pass, p_fail)


FEW = (
    f"Of {FEWEST} runs at least, each staged by itself, a baseline knows how much runs differ by where their"
    " servers come to stand; fewer decide nothing."
)


def _told(one: Matched, side: int) -> str:
    value = one.values[side]
    return duration(value) if one.unit == "s" else f"{number(value)} {one.unit}"
