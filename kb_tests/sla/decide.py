"""What the judges of HTTP and of storage share: how a check is decided, and how it is told."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kb_tests.scenario.units import format_duration, format_share
from kb_tests.sla.bounds import Share, needed
from kb_tests.sla.verdict import Check, Outcome

PLACES = 32

STAGING = "staging"
"""The name of the check on what staging took: the same for all points of a topology."""


class Timed(Protocol):
    """A sample of things that were due and took their time; its text says what and how many."""

    lost: str
    """What became of those that were not successful: "of the requests failed"."""

    def slower(self, limit: float) -> Share:
        """The share of those due that were not done well within `limit` seconds (inf: at all)."""

    def percentile(self, percent: float) -> float:
        """The seconds within which `percent` of those due were done well; infinite if they were not."""

    def times_taken(self) -> list[float]:
        """Every time that was found, ascending."""


@dataclass(frozen=True)
class Risk:
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


def of_sample(kept: bool, sampled: bool = True) -> tuple[Outcome, float, float]:
    """The outcome of a plain statement about the sample, which cannot err."""
    if not sampled:
        return Outcome.INCONCLUSIVE, 1.0, 1.0
    return Outcome.PASS if kept else Outcome.FAIL, float(not kept), float(kept)


def latency_check(name: str, sample: Timed, risk: Risk, percent: float, limit: float) -> Check:
    """Whether `percent` of what was due was done within `limit`."""
    allowed = 1 - percent / 100
    found, value = sample.slower(limit), sample.percentile(percent)
    told = f"p{percent:g} is {in_time(value)}, its limit {in_time(limit)}"
    lost = sample.slower(math.inf)
    if lost.bad:
        told += f"; {in_percent(lost.value)} {sample.lost}"
    if allowed <= 0:
        outcome, p_pass, p_fail = of_sample(kept=not found.bad, sampled=found.due > 0)
        low = high = value
        told += "; this speaks of the sample alone"
    else:
        outcome, p_pass, p_fail = risk.decide(found.p_below(allowed), found.p_above(allowed))
        low, high = _percentile_bounds(sample, allowed, risk.alpha, limit, outcome)
        told += f"; its true value lies {between(low, high)}, judged from {sample}"
        told += shortage(found, allowed, risk.alpha, outcome)
    return Check(
        f"{name} p{percent:g}", outcome, value, limit, "s", low, high, True, told + ".", p_pass, p_fail
    )


def staging_check(took: float | None, limit: float) -> Check:
    """Whether staging took `limit` seconds at most; None if nobody measured it."""
    if took is None:
        nan, told = math.nan, "What staging took was not measured."
        return Check(STAGING, Outcome.INCONCLUSIVE, nan, limit, "s", nan, nan, True, told)
    outcome, p_pass, p_fail = of_sample(kept=took <= limit)
    told = f"Staging took {in_time(took)}, its limit is {in_time(limit)}."
    return Check(STAGING, outcome, took, limit, "s", took, took, True, told, p_pass, p_fail)


def _percentile_bounds(
    sample: Timed, allowed: float, alpha: float, limit: float, outcome: Outcome
) -> tuple[float, float]:
    """Times that the true percentile is not below and not above: the bounds of the share turned round.

    They say what the decision on `limit` says. How sure a share is need not rise with the time that it is of:
    failures that come all at once are a larger part of what is slower than 100 ms than of what is slower than
    1 ms, and make it less sure.
    """
    if sample.slower(math.inf).p_above(allowed) <= alpha:
        return math.inf, math.inf
    times = sample.times_taken()
    below = bisect_left(times, True, key=lambda time: sample.slower(time).p_above(allowed) > alpha)
    low = times[below - 1] if below else 0.0
    low = max(low, limit) if outcome is Outcome.FAIL else min(low, limit)
    passes = outcome is Outcome.PASS
    end = bisect_right(times, limit) if passes else len(times)
    above = _settled(lambda at: sample.slower(times[at]).p_below(allowed) <= alpha, end)
    if passes:
        return low, times[above] if above < end else limit
    above = max(above, bisect_right(times, limit))
    return low, times[above] if above < len(times) else math.inf


def _settled(holds: Callable[[int], bool], end: int) -> int:
    """From where on `holds` is true up to `end`, as far as a few dozen places show; `end` if it is not."""
    first = bisect_left(range(end), True, key=holds)
    if first >= end:
        return end
    places = sorted({first + (end - first) * step // PLACES for step in range(PLACES)} | {end - 1})
    failing = [at for at, place in enumerate(places) if not holds(place)]
    if not failing:
        return first
    after = places[failing[-1] + 1] if failing[-1] + 1 < len(places) else end
    return bisect_left(range(end), True, lo=places[failing[-1]], hi=after, key=holds)


def shortage(found: Share, allowed: float, alpha: float, outcome: Outcome) -> str:
    """What the sample lacks, if it could not have shown the limit even without a single bad request."""
    if outcome is not Outcome.INCONCLUSIVE:
        return ""
    if not found.enough:
        return "; too few for any statement"
    need = needed(allowed, alpha, found.clusters)
    return f"; that takes at least {need:,.0f} of them, even if not one is bad" if found.due < need else ""


def in_time(seconds: float) -> str:
    """A time for people."""
    return format_duration(seconds) if math.isfinite(seconds) else "beyond measure"


def between(low: float, high: float) -> str:
    """Two times that bound a true one, for people."""
    if math.isinf(high):
        return f"above {in_time(low)}" if math.isfinite(low) else in_time(low)
    return f"between {in_time(low)} and {in_time(high)}"


def in_percent(share: float) -> str:
    """A share for people; what is not whole is never told as 100%."""
    return format_share(share) if math.isfinite(share) else "unknown"
