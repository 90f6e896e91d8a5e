"""Which of some figures lie above the rest, more than chance and their usual differences explain.

Sources: Rosner 1983 (generalized extreme Studentized deviates, which several at once do not mask);
Holm 1979; Scheffé 1959 (variances of means of unequal groups);
the constants and what they are worth: `benchmarks/culprit_error_rates.py`, whose table is in
docs/culprits.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Floats = npt.NDArray[np.float64]

MOST = 0.25
"""The share of groups that may lie above the others: more than that are no exception."""

NOTHING = 1e-9
"""A spread of logarithms that no measurement resolves."""

NORMAL = 1.4826
"""Times a normal distribution's median absolute deviation is its standard deviation."""


def spread(values: Floats) -> float:
    """The standard deviation of a normal distribution, told by the middle of `values`."""
    middle = float(np.median(np.abs(values - np.median(values))))
    return NORMAL * middle * (1 + 0.8 / len(values))


def single(values: Floats, error: float, chance: float = 0.0) -> list[int]:
    """Places of those above the rest, of any number, at an error probability of `error` over all.

    Student's t of each, as sure as the median's deviation of so many is worth; Holm over all. `chance` is the
    standard deviation that they have if nothing differs.
    """
    count = len(values)
    if count < 3:
        return []
    scale = max(spread(values), chance)
    if scale < NOTHING:
        return []
    p_values: Floats = np.asarray(stdtr((count - 1) / 2, -(values - np.median(values)) / scale))
    found = []
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] > error / (count - rank):
            break
        found.append(int(place))
    return sorted(found)


def exceptions(values: Floats, error: float, chance: float = 0.0) -> list[int]:
    """Places of those far above the rest, up to `MOST` of them, at an error probability of `error`.

    The one-sided generalized extreme Studentized deviate test; `chance` as in `single`.
    """
    left = list(range(len(values)))
    order: list[int] = []
    found = 0
    for number in range(1, max(1, int(len(values) * MOST)) + 1):
        count = len(left)
        if count < 3:
            break
        rest = values[left]
        scale = max(float(rest.std(ddof=1)), chance)
        if scale < NOTHING:
            break
        worst = int(np.argmax(rest))
        t = -float(stdtrit(count - 2, error / count))
        critical = (count - 1) * t / math.sqrt((count - 2 + t * t) * count)
        if (rest[worst] - rest.mean()) / scale > critical:
            found = number
        order.append(left.pop(worst))
    return sorted(order[:found])


def beyond_others(groups: Sequence[Floats]) -> Floats:
    """How far each value is above the median of the others of its group, in the groups' order."""
    return np.array(
        [value - np.median(np.delete(group, place)) for group in groups for place, value in enumerate(group)]
    )


def as_of_equal(means: Floats, groups: Sequence[Floats], sizes: npt.NDArray[np.int_]) -> Floats:
    """The `means` of `groups` as if all were of one size: drawn to the middle as far as one of so few varies
    more than the usual one, and from it as far as one of so many varies less. A mean of few is far off often.

    A mean's variance is that between groups and that within over its size (one-way analysis of variance).
    Both are told by the middle of what was found.
    """
    several = [group for group in groups if len(group) > 1]
    if len(set(sizes.tolist())) < 2 or not several:
        return means
    apart = [(group - group.mean()) * math.sqrt(len(group) / (len(group) - 1)) for group in several]
    within = (NORMAL * float(np.median(np.abs(np.concatenate(apart))))) ** 2 / sizes
    variances = max(0.0, spread(means) ** 2 - float(np.median(within))) + within
    if float(variances.min()) < NOTHING**2:
        return means
    middle = float(np.median(means))
    shown: Floats = middle + (means - middle) * np.sqrt(float(np.median(variances)) / variances)
    return shown
