"""The curves of several limits near the capacity, which is the smallest of theirs.

To keep an SLA every limit has to hold: that the capacity is above `low` needs no sharing of the error
probability among them (intersection-union, Berger 1982); that it is below `high` may be wrong for each, so
that they share it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from kb_tests.sla.bounds import LEAST_SPREAD
from kb_tests.sla.capacity.curve import DECIDED, Curve, Points, variance
from kb_tests.sla.capacity.known import FOR_VERDICTS, Known
from kb_tests.sla.capacity.model import Limit, Means

HALF = 0.5
"""The probability of a share that does not depend on the load, from which on it is taken for one."""

FEWEST = 4
"""Informative probes that a curve needs, on both sides of its limit."""


@dataclass(frozen=True)
class Near:
    """What the curves say: `low` and `high` bound the capacity. `first` is the curve of the limit that breaks
    first, whose name is `limit`.
    """

    low: float
    high: float
    first: Curve
    limit: str

    @property
    def ready(self) -> bool:
        """Whether there are probes enough to say so."""
        return self.first.informative >= FEWEST and self.first.both_sides

    @property
    def rises(self) -> bool:
        """Whether the share rises with the load at all: else no load crosses the limit, and an interval would
        only say where the search has looked.
        """
        return self.first.flat < HALF

    @property
    def middle(self) -> float:
        """The likeliest capacity."""
        return math.exp(self.first.quantile(0.5))

    @property
    def half(self) -> float:
        """Half of the interval, in logarithms."""
        return 0.5 * math.log(self.high / self.low)


def fit(known: Known, centre: float, reach: float) -> Near | None:
    """The curves of all limits that may break first around `centre`; None where no share is limited."""
    curves = {
        limit.name: Curve(points, limit.allowed, centre, reach)
        for limit, points in _in_question(known, centre, reach)
    }
    if not curves:
        return None
    alpha = known.plan.alpha * (1 - FOR_VERDICTS) / 2
    ends = {name: curve.interval(alpha, alpha / len(curves)) for name, curve in curves.items()}
    first = min(curves, key=lambda name: curves[name].quantile(0.5))
    high = min(high for name, (_, high) in ends.items() if name == first or curves[name].both_sides)
    return Near(min(low for low, _ in ends.values()), high, curves[first], first)


def _in_question(known: Known, centre: float, reach: float) -> list[tuple[Limit, Points]]:
    """Limits on shares, but for those that every probe around plainly keeps."""
    limits = [limit for limit in known.plan.limits if limit.means is Means.SHARE]
    found = [(limit, _points(known, limit)) for limit in limits]
    kept = [entry for entry in found if _plainly_kept(*entry, math.log(centre), reach)]
    return [entry for entry in found if entry not in kept] or found[:1]


def _points(known: Known, limit: Limit) -> Points:
    counts = [(seen, seen.counts[limit.name]) for seen in known.whole]
    return Points.of([(seen.load, one.bad, one.due, seen.ended) for seen, one in counts], limit.allowed)


def _plainly_kept(limit: Limit, points: Points, centre: float, reach: float) -> bool:
    """Whether probes at least as high as the centre keep a limit by far, and none near it does not."""
    near = points.within(centre, 3 * reach)
    if not (near.x >= centre).any():
        return False
    at_most = near.seen + DECIDED * np.sqrt(variance(near, LEAST_SPREAD**2))
    return bool((at_most < float(ndtri(limit.allowed))).all())
