"""Where a series of runs changed: the largest Student's t over all ways to part it in two.

The critical value is that of as many runs which know nothing of each other, so that a history in which
nothing changed gives an alarm with the stated probability. Days that resemble their neighbours give more:
`false_alarms` says how many. An alarm is a reason to measure pairs, never a verdict.

Sources: Page 1955 and Sen & Srivastava 1975 (the statistic); Vostrikova 1981 (parts again, one by one);
tables: docs/compare.md, made by `benchmarks/compare_error_rates.py`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST = 3
"""Runs on either side of a change: one or two are a spike."""

FALSE_ALARMS = 0.01
"""With what probability a history in which nothing changed gives an alarm."""

MOST = 200
"""Runs of a history that are looked at, the newest."""

GRAIN = 1e-3 / math.sqrt(12)
"""Standard deviation that the three digits of a histogram alone give the logarithm of a figure: runs that are
alike to the last digit are no steadier than that.
"""

_DRAWS = 40_000
_MOST_DRAWN = 4_000_000
_ENOUGH = 30
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """From run number `at` on (from 0) the figure is `ratio` times what it was in the runs before.

    `low` and `high` bound the ratio at 95 % if runs know nothing of each other.
    """

    at: int
    ratio: float
    low: float
    high: float


def statistic(rows: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The largest |t| of each row over all splits with `LEAST` runs on either side, and where it is."""
    count = rows.shape[1]
    left = np.arange(LEAST, count - LEAST + 1)
    centred = rows - rows.mean(axis=1, keepdims=True)
    sums, squares = centred.cumsum(axis=1), (centred**2).sum(axis=1, keepdims=True)
    before = sums[:, left - 1]
    between = before**2 * (1 / left + 1 / (count - left))  # the squares that a split takes away
    inside = np.maximum(squares - between, (count - 2) * GRAIN**2)
    t = np.sqrt(between * (count - 2) / inside)
    best = t.argmax(axis=1)
    return t[np.arange(len(rows)), best], left[best]


@functools.cache
def critical(count: int, alpha: float = FALSE_ALARMS) -> float:
    """The value that the statistic of `count` unrelated runs exceeds with probability `alpha`.

    Where so few of the simulated ones exceed it that chance makes their number, it is the one that holds by
    Bonferroni over all splits, which is nearly exact out there.
    """
    from scipy.special import stdtrit

    drawn = _null(count, 0.0)
    if alpha * len(drawn) >= _ENOUGH:
        return float(np.quantile(drawn, 1 - alpha))
    splits = count - 2 * LEAST + 1
    return float(stdtrit(count - 2, 1 - alpha / (2 * splits)))


def false_alarms(count: int, resemblance: float, alpha: float = FALSE_ALARMS) -> float:
    """How often a history in which nothing changed gives an alarm, where neighbours' deviations correlate by
    `resemblance`.
    """
    if count < 2 * LEAST:
        return 0.0
    return float(np.mean(_null(count, round(resemblance, 2)) > critical(count, alpha)))


@functools.cache
def _null(count: int, resemblance: float) -> Floats:
    random = np.random.default_rng(count)
    rows = random.normal(size=(min(_DRAWS, _MOST_DRAWN // count), count))
    for place in range(1, count):
        rows[:, place] = resemblance * rows[:, place - 1] + math.sqrt(1 - resemblance**2) * rows[:, place]
    return statistic(rows)[0]


def changes(logs: Sequence[float], alpha: float = FALSE_ALARMS) -> list[Change]:
    """Where the figure whose logarithms are `logs` changed, the oldest first."""
    return [_change(np.asarray(logs), *place) for place in _places(np.asarray(logs), 0, alpha)]


def _places(logs: Floats, begin: int, alpha: float) -> list[tuple[int, int, int]]:
    """Begin, place and end of each change."""
    if len(logs) < 2 * LEAST:
        return []
    found, at = (each[0] for each in statistic(logs[None, :]))
    if not found > critical(len(logs), alpha):
        return []
    place = int(at)
    before = _places(logs[:place], begin, alpha)
    after = _places(logs[place:], begin + place, alpha)
    first = before[-1][1] if before else begin
    last = after[0][1] if after else begin + len(logs)
    return [*before, (first, begin + place, last), *after]


def _change(logs: Floats, begin: int, at: int, end: int) -> Change:
    from scipy.special import stdtrit

    before, after = logs[begin:at], logs[at:end]
    value = float(after.mean() - before.mean())
    freedom = len(before) + len(after) - 2
    scatter = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
    error = math.sqrt(float(scatter) / freedom * (1 / len(before) + 1 / len(after)))
    reach = float(stdtrit(freedom, 0.975)) * error
    return Change(at, *(math.exp(log) for log in (value, value - reach, value + reach)))


def resemblance(logs: Sequence[float], found: Sequence[Change]) -> float:
    """How far neighbours' deviations correlate between changes (0: not at all); too few runs show none."""
    edges = [0, *(change.at for change in found), len(logs)]
    parts = [np.asarray(logs[begin:end]) for begin, end in itertools.pairwise(edges)]
    parts = [part - part.mean() for part in parts if len(part) > 1]
    squares = float(sum((part**2).sum() for part in parts))
    products = float(sum((part[1:] * part[:-1]).sum() for part in parts))
    return min(0.95, max(0.0, products / squares)) if squares > 0 and len(logs) >= 2 * LEAST else 0.0
