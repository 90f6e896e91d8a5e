"""How many pairs it takes to show a slow-down, before anything is measured.

Source: the power of Student's t (Student 1908), its noncentral distribution by the normal one, a pair more
than that says; held against simulation by `tests/unit/compare/test_planning.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from scipy.special import ndtri, stdtrit

from kb_tests.compare.ratio import FEWEST
from kb_tests.compare.sides import USUAL
from kb_tests.compare.workloads import WORKLOADS
from kb_tests.scenario.base import Point, Sla
from kb_tests.scenario.units import counted

USUAL_SPREAD = 0.5
"""Standard deviation of the logarithm of response times, where no run has shown another one."""

SHIFT = 0.3
"""How far conditions shift within a window, in those; remembered for 3 s."""

MEMORY = 3.0
MOST = 1000
BETWEEN = 2.0
"""Seconds between two measurements: the command, and its answer."""


def pair_error(seconds: float, spread: float = USUAL_SPREAD) -> float:
    """Standard deviation of the log ratio of one pair of windows of `seconds`, on a cloud that shifts as
    above.
    """
    ratio = seconds / MEMORY
    mean = math.sqrt(2 / ratio**2 * (ratio - 1 + math.exp(-ratio)))
    return spread * SHIFT * mean * math.sqrt(2)


def pairs_needed(slower: float, power: float, alpha: float, error: float) -> int | None:
    """How many pairs show with probability `power` that B is slower, where it is by `slower` (0.1: 10 %) and
    one pair's log ratio has standard deviation `error`; None where `MOST` do not.
    """
    distance = math.log1p(slower)
    for count in range(FEWEST, MOST + 1):
        reach = -float(stdtrit(count - 1, alpha)) + float(ndtri(power))
        if distance >= reach * error / math.sqrt(count):
            return count
    return None


def minutes(points: Iterable[Point], pairs: int) -> float:
    """What `pairs` of each of `points` take, without staging."""
    return sum(2 * pairs * (point.before + point.duration + BETWEEN) for point in points) / 60


def rows_of(points: Sequence[Point], sla: Sla) -> int:
    """How many figures a comparison of all `points` has, which share its error probability: of each sample
    its percentiles and its rate, and each figure over all points together if there are several.
    """
    each = [
        sum(1 + len(_compared(limits)) for limits in WORKLOADS[point.kind].limited(point, sla))
        for point in points
        if point.kind in WORKLOADS
    ]
    return sum(each) + (max(each) if len(each) > 1 else 0)


def _compared(limits: frozenset[float] | None) -> set[float]:
    return set() if limits is None else {*USUAL, *(percent for percent in limits if percent < 100)}


def sentence(points: tuple[Point, ...], slower: float, power: float, sla: Sla) -> str:
    """The line of `kb plan`: for a slow-down of one figure of one point, whatever the others do."""
    alpha = (1 - sla.confidence) / max(1, rows_of(points, sla))
    shortest = min((point.duration for point in points), default=30.0)
    count = pairs_needed(slower, power, alpha, pair_error(shortest))
    told = f"{slower * 100:.3g} % slower, shown with {power * 100:.3g} %"
    if count is None:
        return f"{told}: more than {MOST} pairs"
    least = f"{minutes(points, count):,.0f} min" if minutes(points, count) >= 1 else "a minute"
    return f"{told}: --kb-pairs {count}, {least} of load for {counted(len(points), 'point')}"
