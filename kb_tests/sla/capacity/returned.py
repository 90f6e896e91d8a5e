"""Whether a cloud is as it was: the same loads, then and now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb_tests.sla.capacity.curve import Points, variance
from kb_tests.sla.capacity.model import Limit, Seen


def moved(pairs: Sequence[tuple[Seen, Seen]], limit: Limit, between: float) -> float:
    """By how many standard deviations the shares of `limit` have moved from the first to the second of each
    pair, all taken together; `between` is the variance between batches.
    """
    gap = noise = 0.0
    for pair in pairs:
        counts = [(seen, seen.counts[limit.name]) for seen in pair]
        points = Points.of([(s.load, c.bad, c.due, s.ended) for s, c in counts], limit.allowed)
        gap += float(points.seen[1] - points.seen[0])
        noise += float(variance(points, between).sum())
    return gap / math.sqrt(noise) if noise else 0.0
