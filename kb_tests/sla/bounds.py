"""Confidence bounds of a share and of a mean, from a few time blocks that are alike inside.

Requests are no independent sample: they share the second, the server, the queue. So the unit is the
time block (and, from eight on, the agent), and the fewer blocks there are, the wider the bounds.

Sources: Clopper & Pearson 1934 (exact binomial bounds); Korn & Graubard 1998, "Confidence intervals for
proportions with small expected number of positive counts estimated from survey data" (the same bounds at
the effective sample size); Cameron, Gelbach & Miller 2011 (two-way clusters); Schmeiser 1982 (few long
batches against serial correlation).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtri, stdtr, stdtrit

BATCHES = 10
AGENTS = 8
LEAST_ALPHA = 1e-12
MOST_ALPHA = 0.25


def batches(count: int) -> list[slice]:
    """Slices that join `count` neighbouring blocks into ten or fewer batches of (nearly) one length."""
    edges = np.linspace(0, count, min(count, BATCHES) + 1).astype(int)
    return [slice(int(begin), int(end)) for begin, end in itertools.pairwise(edges)]


@dataclass(frozen=True)
class Share:
    """The share of bad ones among `due`, with what its clusters say of its spread.

    `design` is the design effect: the variance found between clusters over that of independent ones,
    never under 1. `freedom` is the clusters' degrees of freedom.
    """

    bad: int
    due: int
    design: float
    freedom: int

    @classmethod
    def of(
        cls,
        bad: Sequence[int],
        due: Sequence[int],
        agents_bad: Sequence[int] = (),
        agents_due: Sequence[int] = (),
    ) -> Share:
        """From the counts of each time batch and, if there are at least `AGENTS`, of each agent."""
        clusters = [(bad, due)]
        if len(agents_due) >= AGENTS:
            clusters.append((agents_bad, agents_due))
        clusters = [_seen(*cluster) for cluster in clusters]
        all_bad, all_due = sum(bad), sum(due)
        share = all_bad / all_due if all_due else 0.0
        independent = share * (1 - share) / all_due if all_due else 0.0
        spreads = [_spread(*cluster) for cluster in clusters]
        both = sum(spreads) - independent * (len(spreads) - 1)
        return cls(
            bad=all_bad,
            due=all_due,
            design=max(1.0, max(both, *spreads) / independent) if independent else 1.0,
            freedom=min(len(cluster[1]) for cluster in clusters) - 1,
        )

    @property
    def value(self) -> float:
        """The share found; NaN without a sample."""
        return self.bad / self.due if self.due else math.nan

    def size(self, alpha: float) -> float:
        """The effective sample size at error probability `alpha`: what as many independent ones are worth."""
        return self.due / self.design * _shrink(alpha, self.freedom)

    def upper(self, alpha: float) -> float:
        """The true share is above this with probability `alpha` at most."""
        size = self.size(alpha)
        if size <= 0 or self.bad == self.due:
            return 1.0
        bad = self.value * size
        return float(betaincinv(bad + 1, size - bad, 1 - alpha))

    def lower(self, alpha: float) -> float:
        """The true share is below this with probability `alpha` at most."""
        size = self.size(alpha)
        if size <= 0 or self.bad == 0:
            return 0.0
        bad = self.value * size
        return float(betaincinv(bad, size - bad + 1, alpha))

    def p_below(self, limit: float) -> float:
        """The smallest `alpha` at which the share is shown to be at most `limit`; 1 if none."""
        return _least(lambda alpha: self.upper(alpha) <= limit)

    def p_above(self, limit: float) -> float:
        """The smallest `alpha` at which the share is shown to be above `limit`; 1 if none."""
        return _least(lambda alpha: self.lower(alpha) > limit)


@dataclass(frozen=True)
class Mean:
    """The mean of batches, by Student's t."""

    value: float
    error: float
    freedom: int

    @classmethod
    def of(cls, batch_means: Sequence[float], grain: float) -> Mean:
        """From the mean of each batch; `grain` is the smallest step that a batch's mean can make."""
        count = len(batch_means)
        if count < 2:
            return cls(batch_means[0] if batch_means else math.nan, math.inf, 0)
        deviation = max(float(np.std(batch_means, ddof=1)), grain)
        return cls(float(np.mean(batch_means)), deviation / math.sqrt(count), count - 1)

    def reach(self, alpha: float) -> float:
        """How far the true mean may lie on one side, but with probability `alpha`."""
        return -float(stdtrit(self.freedom, alpha)) * self.error if self.freedom else math.inf

    def p_below(self, limit: float) -> float:
        """The smallest `alpha` at which the mean is shown to be below `limit`."""
        return float(stdtr(self.freedom, (self.value - limit) / self.error)) if self.freedom else 1.0

    def p_above(self, limit: float) -> float:
        """The smallest `alpha` at which the mean is shown to be above `limit`."""
        return float(stdtr(self.freedom, (limit - self.value) / self.error)) if self.freedom else 1.0


def needed(limit: float, alpha: float, freedom: int) -> float:
    """How many requests, not one of them bad, show a share of at most `limit` (0 to 1)."""
    shrink = _shrink(alpha, freedom)
    if not 0 < limit < 1 or not shrink:
        return math.inf if limit < 1 else 1.0
    return math.ceil(math.log(alpha) / math.log1p(-limit) / shrink)


def _seen(bad: Sequence[int], due: Sequence[int]) -> tuple[list[int], list[int]]:
    pairs = [(a, b) for a, b in zip(bad, due, strict=True) if b]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _spread(bad: Sequence[int], due: Sequence[int]) -> float:
    """The variance of the ratio sum(bad) / sum(due), clusters taken as independent."""
    count, total = len(due), sum(due)
    if count < 2:
        return 0.0
    share = sum(bad) / total
    squares = sum((a - share * b) ** 2 for a, b in zip(bad, due, strict=True))
    return count / (count - 1) * squares / total**2


def _shrink(alpha: float, freedom: int) -> float:
    """What the sample loses because its spread is only estimated (Korn & Graubard)."""
    return float((ndtri(alpha) / stdtrit(freedom, alpha)) ** 2) if freedom > 0 else 0.0


def _least(holds: Callable[[float], bool]) -> float:
    """The smallest alpha between the two ends for which `holds`, to 1 %; 1 if none."""
    if not holds(MOST_ALPHA):
        return 1.0
    if holds(LEAST_ALPHA):
        return LEAST_ALPHA
    low, high = math.log(LEAST_ALPHA), math.log(MOST_ALPHA)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(math.exp(middle)) else (middle, high)
    return math.exp(high)
