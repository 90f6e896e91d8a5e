"""Where a series becomes steady: how much of its beginning to leave out, and whether the rest is steady.

Sources: White 1997 (MSER); Hoad, Robinson & Davies 2010 (its truncation point is no good in the second half,
nor where few values are left); Fishman 1973 (an initial transient has ended once the series has crossed its
mean); SNIA Solid State Storage Performance Test Specification 2.0.2, section 3.2 (steady state).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

FEWEST = 20
LEAST = 1.5
"""By what factor a warm-up is off the level that follows it, on average: to cut every small drift off would
choose the part that is judged by its values.
"""
SNIA_RANGE = 0.20
SNIA_SLOPE = 0.10


def warm_up_end(series: Sequence[float]) -> int | None:
    """How many values at the beginning of `series`, all above 0, are not yet steady: fewer than half.

    By MSER the cut is where the standard error of the mean of what is left is smallest, taken of the
    logarithms. But MSER would cut a disturbance in the middle with all that is before it, so what is cut has
    to lie on one side of the median of what is left, and off it by a factor of `LEAST` on average: a warm-up
    begins with the series, and ends when it first comes to what it stays at.

    None if the series does not settle in its first half: some cut in the second half (that leaves a third)
    is the best, and the best one in the first half leaves twice its standard error, or is the last there. A
    series of fewer than `FEWEST` values is too short to say. Values that are NaN (seconds without an answer)
    count as the largest.
    """
    values = np.asarray(series, np.float64)
    if values.size < FEWEST or np.isnan(values).all():
        return None
    values = np.log(np.maximum(np.where(np.isnan(values), np.nanmax(values), values), 1e-9))
    count, half = values.size, math.ceil(values.size / 2)
    squares = [float(np.var(values[cut:])) / (count - cut) for cut in range(count - count // 3 + 1)]
    best, cut = int(np.argmin(squares)), int(np.argmin(squares[:half]))
    if best >= half and (cut == half - 1 or squares[cut] > 4 * squares[best]):
        return None
    level = np.median(values[cut:])
    above = values > level
    crossing = int(np.argmax(above != above[0])) if (above != above[0]).any() else cut
    cut = min(cut, crossing)
    return cut if cut and abs(values[:cut].mean() - level) > math.log(LEAST) else 0


def excursion(series: Sequence[float]) -> tuple[float, float]:
    """The SNIA figures of a window: its range, and the excursion of its fitted line, over its mean.

    Both are infinite for a mean of zero and for fewer than two values.
    """
    values = np.asarray(series, np.float64)
    mean = float(values.mean()) if values.size else 0.0
    if values.size < 2 or not math.isfinite(mean) or mean == 0:
        return math.inf, math.inf
    slope = float(np.polyfit(np.arange(values.size), values, 1)[0])
    return float(np.ptp(values)) / abs(mean), abs(slope) * (values.size - 1) / abs(mean)


def is_steady(series: Sequence[float]) -> bool:
    """SNIA's rule: over the window, a range of at most 20 % of the mean, and an excursion of at most 10 %."""
    spread, drift = excursion(series)
    return spread <= SNIA_RANGE and drift <= SNIA_SLOPE
