"""A point that has just run, held against the runs of a baseline: one check of its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kb_tests.compare.differences import differences
from kb_tests.compare.points import TOO_SMALL, Basis, Matched, basis_of, matched_at
from kb_tests.compare.ratio import FEWEST, factor
from kb_tests.compare.sides import Key, Side, key_of
from kb_tests.compare.words import BASES, ratio, truly
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


def of_cloud(baseline: Side, cloud: str, testing_cloud: str, wanted: Callable[[Key], bool]) -> Side:
    """Its runs on `cloud`, loaded from `testing_cloud`; all of them where these measured no point that is
    `wanted`.
    """
    some = baseline.only(lambda run: (run.cloud, run.testing_cloud) == (cloud, testing_cloud))
    return some if any(map(wanted, some.points)) else baseline


def held_against(baseline: Side, now: RunRecord, max_slower: float, risk: Risk) -> Held:
    """Hold the only point of `now` against `baseline`; `risk` is what this look at the check may err by.

    Of a baseline of several clouds the runs on that of `now` count, if one of them measured the point, and
    those that their instruments may have made look slower only if there is no other. The figure that lost
    most is told. Raises RecordError where a record of the baseline is damaged.
    """
    (point,) = now.points
    key = key_of(point)
    baseline = of_cloud(baseline, now.cloud, now.testing_cloud, key.__eq__)
    baseline, slowed = _not_slowed(baseline, key)
    side = Side.of("this run", [now])
    limit = 1 + max_slower
    refused = _refused(baseline, side)
    if refused:
        told = f"It cannot be held against the baseline {printable(baseline.name)}: {refused}."
        nothing = Check(BASELINE, Outcome.INCONCLUSIVE, math.nan, limit, "x", math.nan, math.nan, True, told)
        return Held(nothing, (told,))
    basis = basis_of(baseline, side, [key])
    matched = matched_at(baseline, side, key, basis)
    told = " ".join((_decided(basis, baseline, side, key), *slowed, *_besides(baseline, now, key, matched)))
    return Held(
        _check([one for one in matched if one.counts], basis, _runs(baseline, key), limit, risk, told)
    )


def _not_slowed(baseline: Side, key: Key) -> tuple[Side, tuple[str, ...]]:
    """Without the runs that were slower at a point than the cloud was, if there are others; and a sentence on
    them.
    """
    slowed = [one for one in baseline.points.get(key, ()) if one.slowed]
    if not slowed:
        return baseline, ()
    runs = {one.run for one in slowed}
    named = f"run {', '.join(sorted(runs)[:5])}"
    others = baseline.only(lambda run: run.run not in runs)
    if key in others.points:
        return others, (f"Its instruments may have slowed {named}, which is left out.",)
    return baseline, (f"Its instruments may have slowed {named}, so that nothing passes by it.",)


def _refused(baseline: Side, side: Side) -> str:
    """Why the two cannot be compared; "" if they can."""
    keys = [key for key in side.points if key in baseline.points]
    if not side.points:
        return "it was not measured as it should"
    if not keys:
        (key,) = side.points
        return baseline.unusable.get(key, "that has no point of this scenario, load and scale")
    (now,) = side.records
    if any(bool(run.testing_cloud) != bool(now.testing_cloud) for run in _measured(baseline, keys[0])):
        return "one of them was loaded from within the cloud, the other from another cloud"
    strict = [one for one in differences(baseline, side, keys) if one.refused]
    return "; ".join(f"{one.name} was {one.a} and is {one.b}" for one in strict[:5])


def _measured(baseline: Side, key: Key) -> list[RunRecord]:
    """The runs that have a valid measurement of a point: these, and no others, are its baseline."""
    runs = {one.run for one in baseline.points[key]}
    return [record for record in baseline.records if record.run in runs]


def _runs(baseline: Side, key: Key) -> str:
    return f"in {counted(len(_measured(baseline, key)), 'run')} of {printable(baseline.name)}"


def _decided(basis: Basis, baseline: Side, side: Side, key: Key) -> str:
    """What the bounds are made of, or why they decide nothing."""
    if basis in DECIDING:
        return BASES[basis]
    return MIXED if set(baseline.units(key)) & set(side.units(key)) else FEW


def _besides(baseline: Side, now: RunRecord, key: Key, matched: Sequence[Matched]) -> list[str]:
    """What else has to be known of what was held against what."""
    told = []
    small = [one.name for one in matched if one.note == TOO_SMALL and not one.counts]
    if small:
        told.append(f"Not compared: {', '.join(small)}, which the sample is too small for.")
    clouds = {run.cloud for run in _measured(baseline, key)} - {now.cloud}
    if clouds:
        told.append(f"The baseline was measured on {printable(', '.join(sorted(clouds)))}.")
    return told


DECIDING = (Basis.ONE_STAGING, Basis.RUNS, Basis.ONE_SIDE)


def _check(
    found: Sequence[Matched], basis: Basis, runs: str, limit: float, risk: Risk, besides: str
) -> Check:
    log = math.log(limit)
    count = max(1, len(found))
    p_fail = min(1.0, min((one.loss.p_above(log) for one in found), default=1.0) * count)
    p_pass = max((one.loss.p_below(log) for one in found), default=1.0)  # all have to hold: nothing to share
    if basis not in DECIDING:
        p_pass = p_fail = 1.0
    outcome, p_pass, p_fail = risk.decide(p_pass, p_fail)
    worst = _worst(found, log, outcome)
    if worst is None:
        told = f"Nothing of it can be compared {runs}. {besides}"
        return Check(BASELINE, outcome, math.nan, limit, "x", math.nan, math.nan, True, told, p_pass, p_fail)
    loss = worst.loss
    share = risk.alpha / count
    value, low, high = (factor(one) for one in (loss.value, loss.low(share), loss.high(share)))
    told = (
        f"{worst.name} is {_told(worst, 1)} and was {_told(worst, 0)} {runs}: nothing tells how much it lost,"
        f" where {limit:.4g} times is allowed."
        if math.isnan(value)
        else f"{worst.name} became {_told(worst, 1)} from {_told(worst, 0)} {runs}, the most that any"
        f" figure lost: {ratio(value)} times, {truly(low, high)}, where {limit:.4g} is allowed."
    )
    return Check(BASELINE, outcome, value, limit, "x", low, high, True, f"{told} {besides}", p_pass, p_fail)


def _worst(found: Sequence[Matched], log: float, outcome: Outcome) -> Matched | None:
    """The figure that decides: what surely lost too much, else what is least sure not to have."""
    if outcome is Outcome.FAIL:
        lost = [one for one in found if not math.isnan(one.loss.value)]
        return min(lost, key=lambda one: (one.loss.p_above(log), -one.loss.value))
    return max(
        found,
        key=lambda one: (one.loss.p_below(log), math.isnan(one.loss.value), one.loss.value),
        default=None,
    )


FEW = (
    f"Of {FEWEST} runs at least, each staged by itself, a baseline knows how much runs differ by where their"
    " servers come to stand; fewer decide nothing."
)

MIXED = (
    "Some of these runs were made on the very servers of this one, others were not, which decides nothing:"
    " name those alone, or the others."
)


def _told(one: Matched, side: int) -> str:
    value = one.values[side]
    if math.isnan(value):
        return "unknown"
    return duration(value) if one.unit == "s" else f"{number(value)} {one.unit}"
