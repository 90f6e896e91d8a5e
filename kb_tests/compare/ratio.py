"""The true logarithm of a ratio B to A: bounds of it, and the error probabilities of statements about it.

A statement has to hold for Student's t with the spread that was found and for the normal distribution with
the floor, as in `sla.bounds.Mean`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from kb_tests.compare.estimate import Estimate, freedom

FEWEST = 3
"""Pairs, or runs a side, that a verdict takes where stagings differ."""

USUAL_GAP = 1.0
"""How many standard errors the ratios of whole windows and of their batches may be apart before a figure is
taken to have jumped, so that what is said has to hold for either."""

POWER = 0.8
"""With what probability a slow-down is shown that is called the smallest one."""


@dataclass(frozen=True)
class Ratio:
    """A log ratio: `value` is told, and the truth bounded from `least` and from `most` (two ways to estimate
    it) by `error` of `freedom` degrees, and `floor`; `least` or `most` is infinite where one side is beyond
    measure, so that nothing bounds it from there.
    """

    value: float
    least: float
    most: float
    error: float
    freedom: float
    floor: float

    @property
    def bounded(self) -> bool:
        """Whether there are any bounds."""
        return math.isfinite(self.error) and not (math.isinf(self.least) and math.isinf(self.most))

    def low(self, alpha: float) -> float:
        """The truth is below this with probability `alpha` at most."""
        return self.least - self._reach(alpha)

    def high(self, alpha: float) -> float:
        """The truth is above this with probability `alpha` at most."""
        return self.most + self._reach(alpha)

    def p_above(self, limit: float) -> float:
        """The error probability in saying that the truth is above `limit`."""
        return self._tail(self.least - limit)

    def p_below(self, limit: float) -> float:
        """The error probability in saying that the truth is below `limit`."""
        return self._tail(limit - self.most)

    def shown(self, alpha: float) -> float:
        """The smallest true log ratio that is shown to be above 0 with probability `POWER`."""
        reach = self._reach(alpha)
        if not math.isfinite(reach) or math.isinf(self.least):
            return math.inf
        return reach + float(ndtri(POWER)) * max(self.error, self.floor)

    def turned(self) -> Ratio:
        """The ratio A to B."""
        return Ratio(-self.value, -self.most, -self.least, self.error, self.freedom, self.floor)

    def _reach(self, alpha: float) -> float:
        if not self.bounded:
            return math.inf
        return max(-float(stdtrit(self.freedom, alpha)) * self.error, -float(ndtri(alpha)) * self.floor)

    def _tail(self, distance: float) -> float:
        if not self.bounded:
            return 1.0
        found = _divided(distance, self.error)
        t = float(stdtr(self.freedom, found)) if math.isfinite(found) else float(found > 0)
        return 1 - min(t, float(ndtr(_divided(distance, self.floor))))


def factor(log: float) -> float:
    """How many times it is, of a log ratio."""
    return math.inf if log >= 700 else math.exp(log)


def _divided(distance: float, error: float) -> float:
    if error > 0:
        return distance / error
    return math.copysign(math.inf, distance) if distance else 0.0


def within(a: Sequence[Estimate], b: Sequence[Estimate]) -> Ratio:
    """Of runs as they are: what their own batches show, and nothing of what another staging would have.

    It says that these very runs differ.
    """
    value = _mean([one.log for one in b]) - _mean([one.log for one in a])
    other = _mean([one.mean for one in b]) - _mean([one.mean for one in a])
    squares = [(one.error / len(side)) ** 2 for side in (a, b) for one in side]
    freedoms = [one.freedom for side in (a, b) for one in side]
    floor = math.hypot(*(one.floor / len(side) for side in (a, b) for one in side))
    error = math.sqrt(sum(squares))
    usual = USUAL_GAP * max(error, floor) if math.isfinite(error) else 0.0
    gap = math.copysign(max(0.0, abs(other - value) - usual), other - value)
    found = Ratio(
        value, value + min(gap, 0.0), value + max(gap, 0.0), error, freedom(squares, freedoms), floor
    )
    return _as_far_as_known(found, a, b)


def of_pairs(pairs: Sequence[tuple[Estimate, Estimate]]) -> Ratio:
    """Of points that ran side by side in turns, at least `FEWEST` pairs of them."""
    logs = [b.log - a.log for a, b in pairs]
    floors = [math.hypot(a.floor, b.floor) for a, b in pairs]
    count = len(pairs)
    value = _mean(logs)
    if count < FEWEST:
        return Ratio(value, value, value, math.inf, 0.0, math.inf)
    error = float(np.std(logs, ddof=1)) / math.sqrt(count)
    found = Ratio(value, value, value, error, count - 1.0, math.hypot(*floors) / count)
    return _as_far_as_known(found, [a for a, _ in pairs], [b for _, b in pairs])


def of_runs(a: Sequence[Estimate], b: Sequence[Estimate]) -> Ratio:
    """Of runs, each staged by itself, at least `FEWEST` a side: the run is the unit (Welch 1947)."""
    value = _mean([one.log for one in b]) - _mean([one.log for one in a])
    if min(len(a), len(b)) < FEWEST:
        return Ratio(value, value, value, math.inf, 0.0, math.inf)
    squares = [float(np.var([one.log for one in side], ddof=1)) / len(side) for side in (a, b)]
    floors = [one.floor / len(side) for side in (a, b) for one in side]
    degrees = freedom(squares, [len(a) - 1.0, len(b) - 1.0])
    found = Ratio(value, value, value, math.sqrt(sum(squares)), degrees, math.hypot(*floors))
    return _as_far_as_known(found, a, b)


def _as_far_as_known(found: Ratio, a: Sequence[Estimate], b: Sequence[Estimate]) -> Ratio:
    """`found`, without the bounds that a side which is bounded from one side alone takes away: the ratio is
    no more than it looks if A's figure may be more, no less if B's may be, and anything if both may.
    """
    beyond = [any(one.beyond for one in side) for side in (a, b)]
    more = [any(one.beyond or one.no_less for one in side) for side in (a, b)]
    less = [any(one.no_more for one in side) for side in (a, b)]
    value = math.nan if all(beyond) else found.value
    least = -math.inf if more[0] or less[1] else found.least
    most = math.inf if more[1] or less[0] else found.most
    return Ratio(value, least, most, found.error, found.freedom, found.floor)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def of_unequal(a: Sequence[Estimate], b: Sequence[Estimate]) -> Ratio:
    """Of runs, each staged by itself, of which only one side has `FEWEST`: the other's are taken to differ
    among themselves as those do (Student 1908, pooled).
    """
    logs = [[one.log for one in side] for side in (a, b)]
    value = _mean(logs[1]) - _mean(logs[0])
    if max(len(a), len(b)) < FEWEST:
        return Ratio(value, value, value, math.inf, 0.0, math.inf)
    degrees = len(a) + len(b) - 2
    scatter = sum(float(np.var(side)) * len(side) for side in logs) / degrees
    floors = [one.floor / len(side) for side in (a, b) for one in side]
    error = math.sqrt(scatter * (1 / len(a) + 1 / len(b)))
    found = Ratio(value, value, value, error, float(degrees), math.hypot(*floors))
    return _as_far_as_known(found, a, b)


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which of several statements may be made, so that none of them is wrong but with probability `alpha`.

    Source: Holm 1979.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    made = [False] * len(p_values)
    for place, index in enumerate(order):
        if p_values[index] > alpha / (len(order) - place):
            break
        made[index] = True
    return made
