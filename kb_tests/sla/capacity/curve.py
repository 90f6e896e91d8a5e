"""The posterior of a capacity, from the counts of probes near it.

The share of bad ones is taken to rise with the load on the probit scale as t + bend t^2 / 2 over the limit,
t = steepness x (log load - log capacity): a straight line, one that bends as queues do, or a plateau just
below the limit. The counts of a probe vary more than chance: by the floor that every verdict has between
batches, by what the batches show beyond it, and by what the probes show around the curve. What lies far from
the limit says little of it, and fades.

Sources: the posterior from loss counts, draft-vpolak-bmwg-plrsearch-03; the beta-binomial, Skellam 1948; the
constants: `benchmarks/capacity_error_rates.py`, whose table is in docs/capacity.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, ndtr, ndtri, stdtrit

from kb_tests.sla.bounds import LEAST_SPREAD, MEMORY

Array = NDArray[np.float64]

BENDS = np.array([0.0, 0.5, 1.2, 2.5])
"""Curvatures at the limit: a line, two that queues have, a plateau below the limit."""

STEEPS = np.exp(np.linspace(math.log(0.7), math.log(120.0), 15))
FLAT = 1.5
"""A share that rises by less than so many standard deviations, where the load is e times as high, may as well
be one that does not depend on the load.
"""

OFF = 0.3
"""How far off the curve a probe may be that lies one reach from its centre, in standard deviations."""

FAR = 0.15
"""The same for one whose share lies one standard deviation from the limit; both grow as the square."""

NEAR = 1.0
SEEN_NEAR = 1.3
"""A probe tells where the limit is crossed if its share lies so near to it by the fit, and as seen."""

DECIDED = 2.5
"""Standard deviations by which a probe is plainly on one side of the limit."""

BEND_WRONG = 0.5
"""A curvature may be wrong by so much; what that is worth widens the interval."""

RESEMBLANCE = 0.8
"""Neighbours in time are taken to resemble each other by no more than this."""

GRIDS = (40, 100)

DRAWN = 25
"""Loads at which the curve is told."""

BAND = (0.025, 0.5, 0.975)
"""What is told at each: the middle of what the posterior holds, and the bounds of 95 % of it."""


def density(z: Array) -> Array:
    """Of the standard normal distribution."""
    found: Array = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return found


@dataclass(frozen=True)
class Points:
    """Probes of one limit, as arrays: log load, bad, due, number of batches, when (seconds), and the variance
    between batches of each (NaN where its batches cannot tell).
    """

    x: Array
    bad: Array
    due: Array
    batches: Array
    when: Array
    spread: Array

    @classmethod
    def of(
        cls, probes: Sequence[tuple[float, Sequence[float], Sequence[float], float]], allowed: float
    ) -> Points:
        """From (load, bad by batch, due by batch, when)."""
        return cls(
            np.log([load for load, *_ in probes]),
            np.array([sum(bad) for _, bad, _, _ in probes], float),
            np.array([sum(due) for _, _, due, _ in probes], float),
            np.array([len(due) for _, _, due, _ in probes], float),
            np.array([when for *_, when in probes], float),
            np.array([_between_batches(bad, due, allowed) for _, bad, due, _ in probes], float),
        )

    def within(self, centre: float, reach: float) -> Points:
        """Those at most `reach` from `centre`, both logarithms."""
        near = np.abs(self.x - centre) <= reach
        return Points(*(array[near] for array in vars(self).values()))

    @property
    def seen(self) -> Array:
        """Shares on the probit scale; finite ones for none and all."""
        found: Array = np.asarray(ndtri((self.bad + 0.5) / (self.due + 1)))
        return found


def _between_batches(bad: Sequence[float], due: Sequence[float], allowed: float) -> float:
    """The variance of a probe's batches on the probit scale beyond chance; NaN where too few or too many are
    bad for batches to show it.
    """
    a, n = np.array(bad, float), np.array(due, float)
    if len(a) < 2 or a.sum() < 3 * len(a) or a.sum() >= max(0.2, 4 * allowed) * n.sum():
        return math.nan
    share = (a + 0.5) / (n + 1)
    z = ndtri(share)
    chance = share * (1 - share) / (n * density(z) ** 2)
    return float(np.var(z, ddof=1) - chance.mean())


def variance(points: Points, between: float) -> Array:
    """Of each probe's share as seen, on the probit scale: between batches, and by chance."""
    return between / points.batches + (points.bad + 0.5) / (points.due + 1) ** 2 / density(points.seen) ** 2


class Curve:
    """What `points` say of where their shares reach `allowed`.

    `centre` is about where (a load), `reach` how far around it, in logarithms, the curve is trusted. `flat`
    is the probability that the share does not rise with the load to speak of.
    """

    def __init__(self, points: Points, allowed: float, centre: float, reach: float) -> None:
        self.limit = float(ndtri(allowed))
        self.centre, self.reach = math.log(centre), reach
        self.points = points.within(self.centre, 3 * reach)
        told = self.points.spread[~np.isnan(self.points.spread)]
        self.floor = max(LEAST_SPREAD**2, MEMORY**2 * float(told.mean()) if told.size else 0.0)
        self.between = self.floor
        self.widening = 1.0
        self._extra = (OFF * ((self.points.x - self.centre) / reach) ** 2) ** 2
        self._fit()
        self._learn_from_what_is_left()

    @property
    def informative(self) -> int:
        """How many probes tell where the limit is crossed."""
        return int(self.near.sum())

    @property
    def both_sides(self) -> bool:
        """Whether there are such ones on both sides of it."""
        above = self.points.seen[self.near] > self.limit
        return bool(above.any() and not above.all())

    def quantile(self, share: float) -> float:
        """The log load below which the capacity lies with this probability."""
        return float(np.interp(share, self._below, self._at))

    def interval(self, low: float, high: float) -> tuple[float, float]:
        """Loads that the capacity is below and above with these probabilities.

        Widened by what the residuals show, and by what a wrong curvature is worth. Where the nearest probes
        that are plain on both sides have no undecided one between them, only the curve would say where
        between them the limit is crossed: then they are the interval.
        """
        middle = self.quantile(0.5)
        begin = middle - (middle - self.quantile(low)) * self.widening - self._bent
        end = middle + (self.quantile(1 - high) - middle) * self.widening + self._bent
        below, above = self._nearest_decided()
        if self.gap:
            begin = below if math.isfinite(below) else begin
            end = above if math.isfinite(above) else end
        x = self.points.x
        if end < below:
            end = min(x[x > below], default=end)
        if begin > above:
            begin = max(x[x < above], default=begin)
        return math.exp(begin), math.exp(end)

    @property
    def gap(self) -> bool:
        """Whether no probe between the nearest plain ones is undecided."""
        below, above = self._nearest_decided()
        between = (self.points.x > below) & (self.points.x < above)
        kept, broken = self._plain()
        return not bool((between & ~kept & ~broken).any())

    def drawn(self) -> tuple[tuple[float, float, float, float], ...]:
        """The share over the limit around where it is crossed: (load, share, low, high), rising by load; low
        and high are 95 % of what the posterior holds there. Empty where no probe is near.
        """
        if not self.points.x.size:
            return ()
        begin = max(self.centre - self.reach, float(self.points.x.min()))
        end = min(self.centre + self.reach, float(self.points.x.max()))
        if begin >= end:
            return ()
        found = []
        for x in np.linspace(begin, end, DRAWN):
            z = self._shape(self._at[:, None, None], STEEPS[None, :, None], BENDS[None, None, :], float(x))
            order = np.argsort(z, axis=None)
            below = np.cumsum(self._posterior.ravel()[order])
            at = np.searchsorted(below, np.array(BAND) * below[-1])
            low, middle, high = ndtr(z.ravel()[order[np.minimum(at, order.size - 1)]])
            found.append((math.exp(x), float(middle), float(low), float(high)))
        return tuple(found)

    def drift(self) -> float:
        """The t value of a trend in time of what the curve leaves over; 0 from too few probes."""
        near = self.near
        if near.sum() < 6:
            return 0.0
        weight, left, when = 1 / self.variance[near], self.left[near], self.points.when[near]
        when = when - (weight * when).sum() / weight.sum()
        left = left - (weight * left).sum() / weight.sum()
        spread = float((weight * when * when).sum())
        if not spread:
            return 0.0
        slope = float((weight * when * left).sum()) / spread
        chi = float((weight * (left - slope * when) ** 2).sum()) / (int(near.sum()) - 2)
        return slope / math.sqrt(max(1.0, chi) / spread)

    def _plain(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which probes are plainly below the limit, and which above."""
        seen, sd = self.points.seen, np.sqrt(variance(self.points, self.floor))
        return seen + DECIDED * sd < self.limit, seen - DECIDED * sd > self.limit

    def _nearest_decided(self) -> tuple[float, float]:
        below, above = self._plain()
        x = self.points.x
        broken = float(min(x[above], default=math.inf))
        return float(max(x[below & (x < broken)], default=-math.inf)), broken

    def _shape(self, at: Array, steep: Array, bend: Array, x: Array | float) -> Array:
        """The share at log load `x`, on the probit scale."""
        t = np.clip(steep * (x - at), -1 / np.maximum(bend, 0.3), 4.0)
        found: Array = np.clip(self.limit + t + bend / 2 * t * t, -6.0, 4.0)
        return found

    def _noise(self, z: Array, place: int | slice) -> Array:
        """The variance of a probe around the curve beyond its own chance, where the curve is at `z`."""
        own = self.between / self.points.batches[place] + self._extra[place]
        found: Array = own + (FAR * (z - self.limit) ** 2) ** 2
        return found

    def _fit(self) -> None:
        points = self.points
        begin, end = self.centre - 2.5 * self.reach, self.centre + 2.5 * self.reach
        steep, bend = STEEPS[None, :, None], BENDS[None, None, :]
        for size in GRIDS:
            at = np.linspace(begin, end, size)
            likelihood = np.zeros((size, STEEPS.size, BENDS.size))
            for place in range(points.x.size):
                z = self._shape(at[:, None, None], steep, bend, float(points.x[place]))
                share = ndtr(z)
                noise = self._noise(z, place) * density(z) ** 2
                weight = np.maximum(share * (1 - share) / noise - 1, 0.02)
                a, b = share * weight, (1 - share) * weight
                bad, good = points.bad[place], points.due[place] - points.bad[place]
                likelihood += betaln(bad + a, good + b) - betaln(a, b)
            top = np.unravel_index(int(np.argmax(likelihood)), likelihood.shape)
            posterior = np.exp(likelihood - likelihood[top])
            below = np.cumsum(posterior.sum((1, 2)))
            below /= below[-1]
            first, last = np.searchsorted(below, (1e-4, 1 - 1e-4))
            begin, end = at[max(first - 1, 0)], at[min(last + 1, size - 1)]
        self._at, self._below, self._posterior = at, below, posterior
        self._judge_probes(float(at[top[0]]), float(STEEPS[top[1]]), float(BENDS[top[2]]))
        by_steep = posterior.sum((0, 2))
        self.steep = float(np.exp((np.log(STEEPS) * by_steep).sum() / by_steep.sum()))
        self.flat = float(by_steep[STEEPS < FLAT].sum() / by_steep.sum())

    def _judge_probes(self, at: float, steep: float, bend: float) -> None:
        """What the likeliest curve leaves over of each probe, and which of them tell where it crosses."""
        points = self.points
        fit = self._shape(np.array(at), np.array(steep), np.array(bend), points.x)
        share = ndtr(fit)
        self.left = points.seen - fit
        chance = share * (1 - share) / (points.due * density(fit) ** 2)
        self.variance = self._noise(fit, slice(None)) + chance
        self.near = (np.abs(fit - self.limit) < NEAR) & (np.abs(points.seen - self.limit) < SEEN_NEAR)
        off, weight = fit[self.near] - self.limit, 1 / self.variance[self.near]
        worth = float((off * off * weight).sum() / weight.sum()) if weight.size else 0.0
        self._bent = BEND_WRONG / 2 * worth / steep

    def _learn_from_what_is_left(self) -> None:
        """Fit again with the noise that the probes show around the curve, if it is more than was taken."""
        freedom = self.informative - 2
        if freedom < 2:
            return
        order = np.argsort(self.points.when[self.near])
        left = (self.left / np.sqrt(self.variance))[self.near][order]
        chi = float((left * left).sum()) / freedom
        if freedom >= 4 and chi:
            alike = float((left[1:] * left[:-1]).sum() / (left * left).sum())
            chi *= max(1.0, (1 + alike) / (1 - min(alike, RESEMBLANCE)))
        if chi > 1:
            self.between *= chi
            self.widening = float(stdtrit(freedom, 0.975)) / 1.96
            self._fit()
