"""Confidence bounds of a share and of a mean, when requests are no independent sample.

Requests of one second share the server, the queue and the network, so the unit is a batch of time (and,
from eight on, the agent). Bad requests are counted as gamma-Poisson (negative binomial): the rate of bad
ones varies from batch to batch by the coefficient of variation that the batches show, but never by less
than `LEAST_SPREAD` says, since a handful of batches cannot show that conditions are steady. With no
spread at all this would be the exact binomial bound.

A longer window has more batches, and so is surer. What lasts longer than a batch makes neighbours alike, and
hides from their spread: so `BATCHES` long parts of the same window are held against it, too.

Sources: Greenwood & Yule 1920 (the distribution); Clopper & Pearson 1934 (bounds by turning the tail
probability round); Schmeiser 1982 (few long batches against serial correlation); the choice of the
constants: `benchmarks/gate_error_rates.py`, whose table is in docs/statistics.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import betainc, betaincc, ndtr, ndtri, stdtr, stdtrit

from kb_tests.sla.tally import Tally

BATCHES = 8
LENGTH = 7.5
"""Seconds of a batch of a window that holds more than `BATCHES` of them: it is surer by their number, as far
as conditions change within such a time."""

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

MOST_ALIKE = 5.0
"""How many times as much as independent ones would `BATCHES` long parts are taken to make a share vary at
the most: what is remembered for a tenth of the window makes neighbours alike, and eight parts know their
spread badly."""

QUANTILE = 0.01
"""Where Student's distribution is held against the normal one, for spreads that few batches show."""

MEMORY = 1.25
"""How much surer independent batches would make a mean than neighbours that resemble each other."""


def number_of_batches(seconds: float) -> int:
    """How many batches a window of `seconds` has, where its blocks are short enough."""
    return max(BATCHES, math.floor(seconds / LENGTH))


def batches(count: int, most: int = BATCHES) -> list[slice]:
    """Slices that join `count` neighbouring blocks into `most` or fewer, all of nearly one length."""
    edges = np.linspace(0, count, min(count, most) + 1).astype(int)
    return [slice(int(begin), int(end)) for begin, end in itertools.pairwise(edges)]


@dataclass(frozen=True)
class Clusters:
    """One way to divide a sample: its number of parts, and the variance of the rate of bad ones between
    parts over the square of that rate, beyond what chance makes of equal rates.

    `worth` is how many parts of one size they are as sure as (0: as many as they are), `longer` the same
    sample in `BATCHES` longer parts, if it has more than that.
    """

    count: int
    variation: float
    worth: float = 0.0
    longer: Clusters | None = None

    @classmethod
    def of(cls, bad: Sequence[int], due: Sequence[int], worth: float = 0.0) -> Clusters:
        """From the counts of each part, in the order of time; parts in which nothing was due say nothing."""
        parts = [(a, b) for a, b in zip(bad, due, strict=True) if b]
        longer = None
        if len(parts) > BATCHES and worth:
            joined = [parts[long] for long in batches(len(parts))]
            sums = [(sum(a for a, _ in long), sum(b for _, b in long)) for long in joined]
            longer = cls(len(sums), _variation(sums))
        return cls(len(parts), _variation(parts), worth, longer)

    def spread(self, share: float, found: float, *, failing: bool) -> float:
        """How much the rate of bad ones varies as a whole, where their true share is `share`: the variance of
        the mean of all parts over its square. They `found` another share, by which they say more or less.

        If `failing`, it is that with which `found` is held to be above `share`. Then what was found is less
        relative to `found` than it is to `share`; and few parts that agree by luck are given no credit.
        """
        least, most = (LEAST_SPREAD * density(share) / share) ** 2, MOST_SPREAD * (1 - share) / share
        if not failing or found <= share:
            return self.varying(least, most)
        ratio = (density(share) / share * found / density(found)) ** 2 if found < 1 else 1.0
        return self.varying(least, most, _heavier(self.count) * max(1.0, ratio), max(1.0, ratio))

    def varying(self, least: float, most: float, own: float = 1.0, longer: float = 1.0) -> float:
        """The variance of the mean of all parts, where each has its `variation`, or the longer ones theirs:
        these times `own` and `longer`, and bounded.
        """
        spread = max(least / max(1.0, self.equal), min(own * self.variation, most) / max(1, self.count))
        if self.longer is None:
            return spread
        alike = longer * min(MOST_ALIKE, (self.equal / BATCHES) ** 2)
        return max(spread, min(alike * self.longer.variation, most) / self.longer.count)

    @property
    def equal(self) -> float:
        """How many parts of one size they are as sure as."""
        return self.worth or float(self.count)


def _variation(parts: Sequence[tuple[int, int]]) -> float:
    count, all_bad = len(parts), sum(bad for bad, _ in parts)
    if count < 2 or not all_bad:
        return 0.0
    all_due = sum(due for _, due in parts)
    share = all_bad / all_due
    squares = sum((bad - share * due) ** 2 for bad, due in parts)
    variance = count / (count - 1) * squares / all_due**2
    return max(0.0, variance - share / all_due) * count / share**2


def density(share: float) -> float:
    """The normal density where `share` lies above: how much of it crosses over by a small shift."""
    normal = float(ndtri(share))
    return math.exp(-normal * normal / 2) / math.sqrt(2 * math.pi)


@cache
def _heavier(count: int) -> float:
    """By how much Student's tail is wider than the normal one where `count` parts show a spread, squared."""
    return float(stdtrit(count - 1, QUANTILE) / ndtri(QUANTILE)) ** 2 if count > 1 else 1.0


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
        """From the counts of each time batch, all of one length, and of each agent."""
        agents = {str(place): pair for place, pair in enumerate(zip(agents_bad, agents_due, strict=True))}
        return pooled([Tally(tuple(bad), tuple(due), agents)])

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
        shape, odds = self._gamma(limit, failing=False)
        return float(betainc(shape, self.bad + 1, odds))

    def p_above(self, limit: float) -> float:
        """The probability of so many bad ones, were the true share `limit`: the error in saying "above"."""
        if not self.bad or limit >= 1:
            return 1.0
        if limit <= 0:
            return 0.0
        ways = (self._gamma(limit, failing=failing) for failing in (False, True))
        return max(float(betaincc(shape, self.bad, odds)) for shape, odds in ways)

    def upper(self, alpha: float) -> float:
        """The true share is above this with probability `alpha` at most."""
        return cross(lambda share: self.p_below(share) <= alpha, self.value, 1.0) if self.due else 1.0

    def lower(self, alpha: float) -> float:
        """The true share is below this with probability `alpha` at most."""
        return cross(lambda share: self.p_above(share) > alpha, 0.0, self.value) if self.due else 0.0

    def _gamma(self, share: float, *, failing: bool) -> tuple[float, float]:
        """Shape of the gamma distribution of the rate, and what betainc wants of its mean."""
        shape = gamma_shape(share, self.clusters, self.value, failing=failing)
        return shape, shape / (shape + self.due * share)


def pooled(tallies: Sequence[Tally]) -> Share:
    """The share of what several windows of the same load counted, in the order in which they ran.

    Each batch counts by its size: as in one window as long as all of them together. Whether other windows met
    other conditions shows in the spread between their batches.
    """
    bad = [count for tally in tallies for count in tally.bad]
    due = [count for tally in tallies for count in tally.due]
    clusters = [Clusters.of(bad, due, _worth(tallies))]
    agents: dict[str, tuple[int, int]] = {}
    for tally in tallies:
        for name, (a, b) in tally.agents.items():
            before = agents.get(name, (0, 0))
            agents[name] = before[0] + a, before[1] + b
    if len(agents) >= AGENTS:
        clusters.append(Clusters.of([a for a, _ in agents.values()], [b for _, b in agents.values()]))
    return Share(sum(bad), sum(due), tuple(clusters))


def planned(lengths: Sequence[float]) -> Clusters:
    """The batches of windows of so many seconds each, that are to be pooled and are not there yet."""
    sizes = [(seconds, min(number_of_batches(seconds), math.floor(seconds))) for seconds in lengths]
    return Clusters(sum(count for _, count in sizes), 0.0, _equal(sizes))


def _worth(tallies: Sequence[Tally]) -> float:
    return _equal([(sum(tally.due), sum(count > 0 for count in tally.due)) for tally in tallies])


def _equal(sizes: Sequence[tuple[float, int]]) -> float:
    """How many batches of one size are as sure as those of windows that have a size and a number of them."""
    whole = sum(size for size, _ in sizes)
    return whole * whole / sum(size * size / count for size, count in sizes if count) if whole else 0.0


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
        """From the mean of each batch; one that is not known leaves the whole unknown."""
        count = len(batch_means)
        if not all(map(math.isfinite, batch_means)):
            return cls(math.nan, math.inf, math.inf, 0)
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


def gamma_shape(
    share: float, clusters: Iterable[Clusters], found: float = math.nan, *, failing: bool = False
) -> float:
    """The shape of the rate's distribution at a true share: 1 / the squared variation of its mean."""
    return 1 / sum(part.spread(share, found, failing=failing) for part in clusters)


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
