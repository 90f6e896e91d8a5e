"""Where a series becomes steady: how much of its beginning to leave out, and whether the rest is steady.

Sources: White 1997 and White, Cobb & Spratt 2000 (MSER-5); SNIA Solid State Storage Performance Test
Specification 2.0.2, section 3.2 (steady state).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

BATCH = 5
SNIA_RANGE = 0.20
SNIA_SLOPE = 0.10


def warm_up_end(series: Sequence[float], batch: int = BATCH) -> int | None:
    """How many values at the beginning of `series` are not yet steady, by MSER-5: a multiple of `batch`.

    The cut is the one that makes the standard error of the mean of what is left smallest. None if it would
    take half of the series or more: then the series is too short to say. Values that are NaN (seconds
    without an answer) count as the largest of the series.
    """
    values = np.asarray(series, np.float64)
    if np.isnan(values).any():
        if np.isnan(values).all():
            return None
        values = np.where(np.isnan(values), np.nanmax(values), values)
    count = values.size // batch
    if count < 4:
        return None
    means = values[: count * batch].reshape(count, batch).mean(axis=1)
    errors = [float(np.var(means[cut:])) / (count - cut) for cut in range(count - 1)]
    cut = int(np.argmin(errors))
    return cut * batch if cut < count / 2 else None


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
