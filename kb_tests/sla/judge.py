"""The verdict on one HTTP point: validity first, then every limit of its SLA.

Every limit is judged three-valued by a confidence bound, never by the figure alone: PASS if the true
value keeps the limit, FAIL if it breaks it, each but for a known error probability; else INCONCLUSIVE.

"p99 <= 50 ms" is judged as what it means: at most 1 % of the requests that were due had no good answer
within 50 ms. So a request that failed, in whatever way, is slower than any limit: a cloud that refuses
or answers 500 quickly cannot look fast. The bounds of the percentile itself are those of the share,
turned round.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

from kb_tests.measure.measurement import Measurement
from kb_tests.measure.validity import validity
from kb_tests.scenario.model import HttpSla
from kb_tests.scenario.points import HttpPoint
from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import Mean, Share, needed
from kb_tests.sla.family import number_of_checks, worst
from kb_tests.sla.sample import Sample
from kb_tests.sla.verdict import Check, Outcome, Verdict

__all__ = ["judge", "number_of_checks"]


def judge(
    point: HttpPoint,
    measurement: Measurement,
    sla: HttpSla,
    *,
    checks: int | None = None,
    look: int = 1,
    looks: int = 1,
    staging: float | None = None,
) -> Verdict:
    """Judge `measurement` by `sla`.

    `checks` is how many checks the whole run makes (`number_of_checks` of each point, summed up; this
    point's alone if None): the error probability 1 - `sla.confidence` is shared out equally among
    them, and again among the `looks` that a point may take at most, of which this is number `look`.
    `staging` is what the topology's staging took in seconds.

    With any reason of `validity` the outcome is INVALID; the checks are there for people to look at.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} of {looks}")
    family = max(1, number_of_checks(sla) if checks is None else checks)
    risk = _Risk((1 - sla.confidence) / family / looks, looks)
    sample = Sample(measurement, point.timeout)
    made: list[Check] = []
    if sla.latency is not None:
        made += [_latency(sample, risk, percent, limit) for percent, limit in sla.latency.limits().items()]
    if sla.achieved is not None:
        made.append(_achieved(sample, risk, sla.achieved))
    if sla.errors is not None:
        made.append(_errors(sample, risk, sla.errors))
    if sla.staging is not None:
        made.append(_staging(staging, sla.staging))
    reasons = validity(point, measurement, sla)
    if not made:
        reasons += ("The SLA names no limit.",)
    outcome = Outcome.INVALID if reasons else worst(made)
    return Verdict(outcome, tuple(made), reasons, sla.confidence, look)


@dataclass(frozen=True)
class _Risk:
    """The error probability that one look at one check may take, and how many looks there may be."""

    alpha: float
    looks: int

    def decide(self, p_pass: float, p_fail: float) -> tuple[Outcome, float, float]:
        """The outcome, and the error probabilities over all looks (Bonferroni)."""
        outcome = Outcome.INCONCLUSIVE
        if p_fail <= self.alpha:
            outcome = Outcome.FAIL
        elif p_pass <= self.alpha:
            outcome = Outcome.PASS
        return outcome, min(1.0, p_pass * self.looks), min(1.0, p_fail * self.looks)


def _of_sample(kept: bool, sampled: bool = True) -> tuple[Outcome, float, float]:
    """The outcome of a plain statement about the sample, which cannot err."""
    if not sampled:
        return Outcome.INCONCLUSIVE, 1.0, 1.0
    return Outcome.PASS if kept else Outcome.FAIL, float(not kept), float(kept)


def _latency(sample: Sample, risk: _Risk, percent: float, limit: float) -> Check:
    allowed = 1 - percent / 100
    found, value = sample.slower(limit), sample.whole.percentile(percent)
    told = f"p{percent:g} is {_time(value)}, its limit {_time(limit)}"
    if sample.whole.completed < sample.whole.due:
        told += f"; {_percent(sample.slower(math.inf).value)} of the requests had no good answer"
    if allowed <= 0:
        outcome, p_pass, p_fail = _of_sample(kept=not found.bad, sampled=found.due > 0)
        low = high = value
        told += "; this speaks of the sample alone"
    else:
        outcome, p_pass, p_fail = risk.decide(found.p_below(allowed), found.p_above(allowed))
        low, high = _percentile_bounds(sample, allowed, risk.alpha)
        told += f"; its true value lies {_between(low, high)}, judged from {sample}"
        told += _short(found, allowed, risk.alpha, outcome)
    return Check(
        f"latency p{percent:g}", outcome, value, limit, "s", low, high, True, told + ".", p_pass, p_fail
    )


def _achieved(sample: Sample, risk: _Risk, limit: float) -> Check:
    measurement = sample.measurement
    offered, found = measurement.offered, sample.achieved()
    if not offered:
        told = "A closed loop offers no rate that could be achieved."
        nan = math.nan
        return Check("achieved", Outcome.INCONCLUSIVE, nan, limit, "", nan, nan, False, told)
    outcome, p_pass, p_fail = risk.decide(found.p_above(limit * offered), found.p_below(limit * offered))
    value, low, high = (share / offered for share in _around(measurement.achieved, found, risk.alpha))
    told = (
        f"{measurement.achieved:,.1f} of {offered:,.1f} requests/s were answered well in the window,"
        f" {_percent(value)} where {_percent(limit)} is asked; the true share lies between"
        f" {_percent(low)} and {_percent(high)}"
    )
    if math.isinf(found.error):
        told += "; the window is too short to show more"
    return Check("achieved", outcome, value, limit, "", low, high, False, told + ".", p_pass, p_fail)


def _errors(sample: Sample, risk: _Risk, limit: float) -> Check:
    counts, found = sample.measurement.counts, sample.slower(math.inf)
    kinds = dict(counts.errors) | {"unsent": counts.unsent, "in flight": counts.inflight}
    named = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    told = f"{found.bad:,} of {found.due:,} requests had no good answer" + (f" ({named})" if named else "")
    low, high = found.lower(risk.alpha), found.upper(risk.alpha)
    if not limit:
        outcome, p_pass, p_fail = _of_sample(kept=not found.bad, sampled=found.due > 0)
        told += ", where none is allowed; this speaks of the sample alone, the true share may be up to"
        told += f" {_percent(high)}"
    else:
        outcome, p_pass, p_fail = risk.decide(found.p_below(limit), found.p_above(limit))
        told += f", {_percent(found.value)} where {_percent(limit)} is allowed; the true share lies between"
        told += f" {_percent(low)} and {_percent(high)}, judged from {sample}"
        told += _short(found, limit, risk.alpha, outcome)
    return Check("errors", outcome, found.value, limit, "", low, high, True, told + ".", p_pass, p_fail)


def _staging(took: float | None, limit: float) -> Check:
    if took is None:
        nan, told = math.nan, "What staging took was not measured."
        return Check("staging", Outcome.INCONCLUSIVE, nan, limit, "s", nan, nan, True, told)
    outcome, p_pass, p_fail = _of_sample(kept=took <= limit)
    told = f"Staging took {_time(took)}, its limit is {_time(limit)}."
    return Check("staging", outcome, took, limit, "s", took, took, True, told, p_pass, p_fail)


def _percentile_bounds(sample: Sample, allowed: float, alpha: float) -> tuple[float, float]:
    """Times that the true percentile is not below and not above: the bounds of the share turned round."""
    times, _ = sample.whole.response.distribution()
    above = bisect_left(times, True, key=lambda time: sample.slower(time).p_below(allowed) <= alpha)
    high = times[above] if above < len(times) else math.inf
    if sample.slower(math.inf).p_above(allowed) <= alpha:
        return math.inf, math.inf
    below = bisect_left(times, True, key=lambda time: sample.slower(time).p_above(allowed) > alpha)
    return times[below - 1] if below else 0.0, high


def _around(value: float, found: Mean, alpha: float) -> tuple[float, float, float]:
    reach = found.reach(alpha)
    return value, max(0.0, found.value - reach) if math.isfinite(reach) else 0.0, found.value + reach


def _short(found: Share, allowed: float, alpha: float, outcome: Outcome) -> str:
    """What the sample lacks, if it could not have shown the limit even without a single bad request."""
    if outcome is not Outcome.INCONCLUSIVE:
        return ""
    if not found.enough:
        return "; too few for any statement"
    need = needed(allowed, alpha, found.clusters)
    return f"; that takes at least {need:,.0f} requests, even if not one is bad" if found.due < need else ""


def _time(seconds: float) -> str:
    return format_duration(seconds) if math.isfinite(seconds) else "beyond measure"


def _between(low: float, high: float) -> str:
    if math.isinf(high):
        return f"above {_time(low)}" if math.isfinite(low) else _time(low)
    return f"between {_time(low)} and {_time(high)}"


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%" if math.isfinite(share) else "unknown"
