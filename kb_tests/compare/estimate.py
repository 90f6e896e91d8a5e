"""One figure of one point of one run, as the logarithm that comparisons are made of, and how sure it is.

The unit is a batch of time, as in `sla/bounds.py`: requests of one second share the server, the queue and the
network. What a batch's figure scatters gives the error; and no point is surer than its floor: conditions are
taken to shift from batch to batch by `LEAST_SPREAD` standard deviations of a response time's own logarithm at
the least, since a handful of batches cannot show that they are steady.

Sources: Schmeiser 1982 (few long batches against serial correlation); Welch 1947 (two spreads); the constants
and what they are worth: `benchmarks/compare_error_rates.py`, whose tables are in docs/compare.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from kb_tests.measure.latency import Latency
from kb_tests.sla.bounds import BATCHES, FEWEST_MEANS, LEAST_SPREAD, MEMORY

FLOOR_BATCH = 3.75
"""Seconds that conditions which shift by `LEAST_SPREAD` last: an eighth of the usual window of 30 s."""

SPREAD_BATCH = 7.5
"""Seconds of a batch whose spread is taken: in longer windows there are more of them, and neighbours that
resemble each other no more than `MEMORY` allows for."""

FEWEST_BEYOND = 20
"""So many have to be slower than a percentile, or to have failed, before it can be compared."""

LEAST_VARIATION = 0.2
"""How far the rate of what is lost varies from batch to batch at the least, as in `sla/achieved.py`."""


SURE = 1e6
"""Degrees of freedom of what is taken to be normal."""


@dataclass(frozen=True)
class Estimate:
    """The logarithm of a figure.

    `log` is that of the whole window, `mean` that of its batches' logarithms: where the two disagree, a
    figure jumped, and a statement has to hold for both. `error` is the standard error that the batches show
    (infinite where there are too few), of `freedom` degrees of freedom; `floor` the least one. Of a figure
    `beyond` measure all that is known is that it is no less. `no_less` and `no_more` say that the instruments
    may have made it look smaller, or larger, than it was.
    """

    log: float
    mean: float
    error: float
    freedom: float
    floor: float
    beyond: bool = False
    no_less: bool = False
    no_more: bool = False

    @classmethod
    def of(cls, log: float, batch_logs: Sequence[float], floor: float, *, beyond: bool = False) -> Estimate:
        """From the whole window's logarithm and those of its batches."""
        count = len(batch_logs)
        if count < FEWEST_MEANS:
            return cls(log, log, math.inf, 0.0, floor, beyond)
        error = MEMORY * float(np.std(batch_logs, ddof=1)) / math.sqrt(count)
        return cls(log, float(np.mean(batch_logs)), error, count - 1.0, floor, beyond)

    @property
    def bounded(self) -> bool:
        """Whether anything is known of how sure it is."""
        return math.isfinite(self.error) and math.isfinite(self.floor)


def joined(count: int, seconds: float) -> list[slice]:
    """Slices that join `count` neighbouring batches of a window of `seconds` into `BATCHES`, or more where
    the window is so long that each still has `SPREAD_BATCH` seconds.
    """
    number = min(count, max(BATCHES, int(seconds / SPREAD_BATCH)))
    edges = np.linspace(0, count, number + 1).astype(int)
    return [slice(int(begin), int(end)) for begin, end in itertools.pairwise(edges)]


def of_percentile(
    percent: float, whole: Latency, parts: Sequence[Latency], seconds: float, cap: float
) -> Estimate | None:
    """The percentile of `whole`, a window of `seconds`, with batches `parts` of nearly one length.

    What failed is as slow as anything: `cap` seconds stand for it, which then are all that is known of the
    percentile. None where the sample has too few beyond it.
    """
    if whole.count * (1 - percent / 100) < FEWEST_BEYOND:
        return None
    log = _log(whole, percent, cap)
    own = [spread(part, cap) for part in parts if part.count] or [spread(whole, cap)]
    shift = LEAST_SPREAD * sum(own) / len(own) * math.sqrt(FLOOR_BATCH / max(seconds, FLOOR_BATCH))
    floor = math.hypot(shift, chance(whole, percent, cap))
    beyond = whole.percentile(percent) >= cap
    logs = [_log(part, percent, cap) for part in parts if part.count]
    return Estimate.of(log, logs, floor, beyond=beyond)


def of_rate(rates: Sequence[float], seconds: float, lost: int, due: int, spread: float) -> Estimate | None:
    """The rate at which work was done, of that in each of `rates`' seconds; None without any. Where nothing
    was done, half of one stands for it.

    `lost` of `due` were not done well. `spread` is that of a closed loop's times, 0 where a rate was set.
    """
    if not rates:
        return None
    found = max(sum(rates), 0.5) / len(rates)
    parts = [rates[part] for part in joined(len(rates), seconds)]
    means = [max(sum(part) / len(part), 0.5 / len(part)) for part in parts]
    grain = 1 / (found * len(rates))
    scatter = math.sqrt(lost + 1 + LEAST_VARIATION * lost * lost / max(1, len(parts))) / due if due else 1.0
    shift = LEAST_SPREAD * spread * math.sqrt(FLOOR_BATCH / max(seconds, FLOOR_BATCH))
    return Estimate.of(math.log(found), [math.log(mean) for mean in means], math.hypot(grain, scatter, shift))


def of_interval(low: float, high: float, confidence: float) -> Estimate | None:
    """A figure that is between `low` and `high` at `confidence`, as a search tells it; None where one of them
    is no bound, or the confidence none.

    Its error is what a normal distribution of that interval has, and no less than what makes either end as
    sure by a single bound.
    """
    if not (0 < low <= high < math.inf and 0 < confidence < 1):
        return None
    middle = (math.log(low) + math.log(high)) / 2
    error = (math.log(high) - math.log(low)) / 2 / float(ndtri((1 + confidence) / 2))
    return Estimate(middle, middle, error, SURE, error)


def spread(whole: Latency, cap: float) -> float:
    """The standard deviation of the times' own logarithm, from the middle two thirds of them."""
    return (_log(whole, 84.13, cap) - _log(whole, 15.87, cap)) / 2


def chance(whole: Latency, percent: float, cap: float) -> float:
    """What chance alone makes of a percentile's logarithm: half the distance of its neighbours in rank."""
    step = 100 * math.sqrt(percent / 100 * (1 - percent / 100) / whole.count)
    low, high = max(0.0, percent - step), min(100.0, percent + step)
    return (_log(whole, high, cap) - _log(whole, low, cap)) / 2


def _log(sample: Latency, percent: float, cap: float) -> float:
    return math.log(max(min(sample.percentile(percent), cap), 1e-6))


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of several, of which none knows anything of another."""
    count = len(estimates)
    squares = [(one.error / count) ** 2 for one in estimates]
    return Estimate(
        log=sum(one.log for one in estimates) / count,
        mean=sum(one.mean for one in estimates) / count,
        error=math.sqrt(sum(squares)),
        freedom=freedom(squares, [one.freedom for one in estimates]),
        floor=math.hypot(*(one.floor for one in estimates)) / count,
        beyond=any(one.beyond for one in estimates),
        no_less=any(one.no_less for one in estimates),
        no_more=any(one.no_more for one in estimates),
    )


def freedom(squares: Sequence[float], freedoms: Sequence[float]) -> float:
    """The degrees of freedom of a sum of squared errors (Welch 1947, Satterthwaite 1946); 0 where one of them
    is not known.
    """
    if not all(map(math.isfinite, squares)) or not all(freedoms):
        return 0.0
    parts = sum(square**2 / each for square, each in zip(squares, freedoms, strict=True))
    return max(1.0, sum(squares) ** 2 / parts) if parts > 0 else max(1.0, sum(freedoms))
