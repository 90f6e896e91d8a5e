"""Confidence bounds of a share and of a mean, when requests are no independent sample.

Requests of one second share the server, the queue and the network, so the unit is a batch of time (and,
from eight on, the agent). Bad requests are counted as gamma-Poisson (negative binomial): the rate of bad
ones varies from batch to batch by the coefficient of variation that the batches show, but never by less
than `LEAST_SPREAD` says, since a handful of batches cannot show that conditions are steady. With no
spread at all this would be the exact binomial bound.

Sources: Greenwood & Yule 1920 (the distribution); Clopper & Pearson 1934 (bounds by turning the tail
probability round); Schmeiser 1982 (few long batches against serial correlation); the choice of the two
constants: `benchmarks/gate_error_rates.py`, whose table is in docs/statistics.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincc, ndtr, ndtri, stdtr, stdtrit

BATCHES = 8
FEWEST_BATCHES = 5
"""Fewer seconds show no share to be small: where errors happen in half of the seconds, three or four have
none in one run of eight or sixteen."""

FEWEST_MEANS = 3
AGENTS = 8
LEAST_SPREAD = 0.4
"""How far conditions are taken to shift from batch to batch at the least, in standard deviations of the
response time's own logarithm."""

MOST_SPREAD = 3.0
"""How many times as much as independent batches at most a share is taken to vary from batch to batch: no
share is above 1, whatever a few bad requests in one batch seem to say of a share of a half."""

MEMORY = 1.25
"""How much surer independent batches would make a mean than neighbours that resemble each other."""


def batches(count: int) -> list[slice]:
    """Slices that join `count` neighbouring blocks into `BATCHES` or fewer, all of nearly one length."""
    edges = np.linspace(0, count, min(count, BATCHES) + 1).astype(int)
    return [slice(int(begin), int(end)) for begin, end in itertools.pairwise(edges)]


@dataclass(frozen=True)
class Clusters:
    """One way to divide a sample: its number of parts, and the variance of the rate of bad ones between
    parts over the square of that rate, beyond what chance makes of equal rates.
    """

    count: int
    variation: float

    @classmethod
    def of(cls, bad: Sequence[int], due: Sequence[int]) -> Clusters:
        """From the counts of each part; parts in which nothing was due say nothing."""
        parts = [(a, b) for a, b in zip(bad, due, strict=True) if b]
        count, all_bad = len(parts), sum(bad)
        if count < 2 or not all_bad:
            return cls(count, 0.0)
        all_due = sum(due)
        share = all_bad / all_due
        squares = sum((a - share * b) ** 2 for a, b in parts)
        variance = count / (count - 1) * squares / all_due**2
        return cls(count, max(0.0, variance - share / all_due) * count / share**2)


@dataclass(frozen=True)
class Share:
    """`bad` ones among `due`, in time batches and, if there are enough of them, agents."""

    bad: int
    due: int
    clusters: tuple[Clusters, ...]

    @classmethod
    def of(
        cls,
        bad: Sequence[int],
        due: Sequence[int],
        agents_bad: Sequence[int] = (),
        agents_due: Sequence[int] = (),
    ) -> Share:
        """From the counts of each time batch and of each agent."""
        clusters = [Clusters.of(bad, due)]
        if len(agents_due) >= AGENTS:
            clusters.append(Clusters.of(agents_bad, agents_due))
        return cls(sum(bad), sum(due), tuple(clusters))

    @property
    def value(self) -> float:
        """The share found; NaN without a sample."""
        return self.bad / self.due if self.due else math.nan

    @property
    def enough(self) -> bool:
        """Whether there are time batches enough to show anything good at all."""
        return self.clusters[0].count >= FEWEST_BATCHES

    def p_below(self, limit: float) -> float:
        """The probability of so few bad ones, were the true share `limit`: the error in saying "below"."""
        if not self.enough or not 0 < limit < 1:
            return float(limit < 1)
        shape, odds = self._gamma(limit)
        return float(betainc(shape, self.bad + 1, odds))

    def p_above(self, limit: float) -> float:
        """The probability of so many bad ones, were the true share `limit`: the error in saying "above"."""
        if not self.bad or limit >= 1:
            return 1.0
        if limit <= 0:
            return 0.0
        shape, odds = self._gamma(limit)
        return float(betaincc(shape, self.bad, odds))

    def upper(self, alpha: float) -> float:
        """The true share is above this with probability `alpha` at most."""
        return cross(lambda share: self.p_below(share) <= alpha, self.value, 1.0) if self.due else 1.0

    def lower(self, alpha: float) -> float:
        """The true share is below this with probability `alpha` at most."""
        return cross(lambda share: self.p_above(share) > alpha, 0.0, self.value) if self.due else 0.0

    def _gamma(self, share: float) -> tuple[float, float]:
        """Shape of the gamma distribution of the rate, and what betainc wants of its mean."""
        shape = gamma_shape(share, self.clusters)
        return shape, shape / (shape + self.due * share)


@dataclass(frozen=True)
class Mean:
    """The mean of batches: by Student's t from the spread found, and no surer than by the normal
    distribution from the `grain`, the smallest step that one batch's mean can make.
    """

    value: float
    error: float
    grain: float
    freedom: int

    @classmethod
    def of(cls, batch_means: Sequence[float], grain: float) -> Mean:
        """From the mean of each batch."""
        count = len(batch_means)
        if count < FEWEST_MEANS:
            return cls(sum(batch_means) / count if count else math.nan, math.inf, math.inf, 0)
        error = MEMORY * float(np.std(batch_means, ddof=1)) / math.sqrt(count)
        return cls(float(np.mean(batch_means)), error, grain / math.sqrt(count), count - 1)

    def reach(self, alpha: float) -> float:
        """How far the true mean may lie on one side, but with probability `alpha`."""
        if not self.freedom:
            return math.inf
        return max(-float(stdtrit(self.freedom, alpha)) * self.error, -float(ndtri(alpha)) * self.grain)

    def p_below(self, limit: float) -> float:
        """The error probability in saying that the true mean is below `limit`."""
        return self._tail(self.value - limit)

    def p_above(self, limit: float) -> float:
        """The error probability in saying that the true mean is above `limit`."""
        return self._tail(limit - self.value)

    def _tail(self, distance: float) -> float:
        if not self.freedom:
            return 1.0
        found = float(stdtr(self.freedom, distance / self.error)) if self.error else 0.0
        return max(found, float(ndtr(distance / self.grain)))


def gamma_shape(share: float, clusters: Iterable[Clusters]) -> float:
    """The shape of the rate's distribution at a true share: 1 / the squared variation of its mean."""
    normal = float(ndtri(share))
    density = math.exp(-normal * normal / 2) / math.sqrt(2 * math.pi)
    least = (LEAST_SPREAD * density / share) ** 2
    most = MOST_SPREAD * (1 - share) / share
    spreads = ((max(least, min(part.variation, most)), max(1, part.count)) for part in clusters)
    return 1 / sum(variation / count for variation, count in spreads)


def needed(share: float, alpha: float, clusters: Sequence[Clusters]) -> float:
    """How many requests, not one of them bad, show a share of at most `share`; infinite if none do."""
    if not 0 < share < 1 or clusters[0].count < FEWEST_BATCHES:
        return math.inf
    shape = gamma_shape(share, clusters)
    return math.ceil(shape * math.expm1(-math.log(alpha) / shape) / share)


def cross(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where `holds` turns from False to True between `low` and `high`; `high` if it does not."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
