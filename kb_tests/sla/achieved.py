"""How sure an achieved rate is, in shares of the one that was offered.

Student's t over batches of time knows how much a rate wavers. But where it is kept but for a few requests now
and then that fail, their number is no normal sample: a window with few of them has a high mean
and a small spread, both by the same luck, so that t alone passed limits on the truth too often. So what was
never done well is judged, too, as gamma-Poisson (see `bounds`); a limit is kept where both say so.

Source: the distribution as in `bounds`; the intersection-union test, Berger 1982; the constant:
`benchmarks/gate_error_rates.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betainc

from kb_tests.sla.bounds import FEWEST_MEANS, MOST_SPREAD, Clusters, Mean, Share, batches, cross

LEAST_VARIATION = 0.2
"""How far the rate of what is lost is taken to vary from batch to batch at the least: its variance over its
mean squared."""


@dataclass(frozen=True)
class Achieved:
    """The share of an offered rate that was achieved in the window, and of what was due that was `lost`."""

    mean: Mean
    lost: Share

    @classmethod
    def of(cls, rates: Sequence[float], offered: float, lost: Share) -> Achieved:
        """From what was done in each second, what should have been, and what was due and never done well."""
        parts = batches(len(rates))
        return cls(
            Mean.of(
                [sum(rates[part]) / (part.stop - part.start) / offered for part in parts],
                grain=len(parts) / len(rates) / offered if rates else 1.0,
            ),
            lost,
        )

    @property
    def decides(self) -> bool:
        """Whether the window is long enough to show anything."""
        return self.mean.freedom > 0

    def p_above(self, limit: float) -> float:
        """The error probability in saying that the true share is above `limit`."""
        return max(self.mean.p_above(limit), self._so_few(1 - limit))

    def p_below(self, limit: float) -> float:
        """The error probability in saying that the true share is below `limit`."""
        return self.mean.p_below(limit)

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The true share is below the one and above the other with probability `alpha` at most, each."""
        reach = self.mean.reach(alpha)
        if not math.isfinite(reach):
            return 0.0, math.inf
        least = self.lost.value if self.lost.due else 0.0
        at_most = cross(lambda share: self._so_few(share) <= alpha, least, 1.0)
        return max(0.0, min(self.mean.value - reach, 1 - at_most)), self.mean.value + reach

    def _so_few(self, share: float) -> float:
        """The probability of losing so few, were the true share of what is lost this one."""
        if not 0 < share < 1:
            return float(share <= 0)
        found = self.lost.clusters[0]
        shape = 1 / found.varying(LEAST_VARIATION, MOST_SPREAD * (1 - share) / share)
        return float(betainc(shape, self.lost.bad + 1, shape / (shape + self.lost.due * share)))


def needed(share: float, alpha: float, clusters: Sequence[Clusters]) -> float:
    """How many have to be due, none of them lost, to show that at most `share` is; infinite if none do."""
    if not 0 < share < 1 or clusters[0].count < FEWEST_MEANS:
        return math.inf
    shape = clusters[0].equal / LEAST_VARIATION
    return math.ceil(shape * math.expm1(-math.log(alpha) / shape) / share)
