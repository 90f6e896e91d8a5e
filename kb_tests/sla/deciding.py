"""How long a point has to run until a limit is decided that is kept by so and so much.

A limit on a percentile or on errors allows a share of bad requests. It is "kept by 20 %" where the true
share is a fifth below what is allowed. The cloud is one whose conditions shift as far as the method
assumes, and whose batches show it; the sample then decides by the same formulas that judge it (`bounds`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import AGENTS, BATCHES, Clusters, Share, planned
from kb_tests.sla.bounds import density as normal_density

KEPT_BY = (0.5, 0.2, 0.1)
"""What is told, as shares of what is allowed."""

OFTEN = 0.8
"""In this share of the runs it is decided."""

SHIFT, MEMORY = 0.3, 3.0
"""How far conditions shift, in standard deviations of the response times' logarithm, and for how many seconds
that is remembered: what `benchmarks/gate_error_rates.py` simulates."""

WIDER = 1.3
"""How much more than the true spread eight long parts show in the worse runs, of those that are to decide."""

LONGEST = 86_400.0
"""Seconds of a window that nobody would wait for."""


@dataclass(frozen=True)
class Asked:
    """A limit of a scenario: the `share` that it allows, how many of `what` come a second at `point`, its
    `agents`, and the error probability that one look at it may take.
    """

    key: str
    share: float
    point: str
    offered: float
    what: str
    agents: int
    alpha: float


def seconds(asked: Asked, kept_by: float) -> float:
    """How many whole seconds of one window decide it as a rule, if it is kept by a share `kept_by`; infinite
    if a day does not.
    """

    def decides(length: float) -> bool:
        return _p_below(asked, asked.share * (1 - kept_by), length) <= asked.alpha

    low, high = 1.0, LONGEST
    if not decides(high):
        return math.inf
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if decides(middle) else (middle, high)
    return float(math.ceil(high))


def _p_below(asked: Asked, true: float, length: float) -> float:
    """The error probability that such a sample has, which has no more bad ones in `OFTEN` of the runs."""
    due = asked.offered * length
    shift = (SHIFT * normal_density(true) / true) ** 2  # of the share, relative to it
    mean, spread = due * true, shift * min(1.0, 2 * MEMORY / length)
    bad = math.floor(mean + float(ndtri(OFTEN)) * math.sqrt(mean + spread * mean * mean))
    plan = planned([length])
    longer = None
    if plan.count > BATCHES:
        longer = Clusters(BATCHES, WIDER * shift * min(1.0, 2 * MEMORY * BATCHES / length))
    time = Clusters(plan.count, 0.0, plan.worth, longer)
    agents = (Clusters(asked.agents, 0.0),) if asked.agents >= AGENTS else ()
    return Share(bad, max(bad, math.floor(due)), (time, *agents)).p_below(asked.share)


def sentences(limits: Iterable[Asked]) -> Iterator[str]:
    """One sentence for each limit."""
    for asked in limits:
        told = [f"{_time(seconds(asked, by))} if it is kept by {by:.0%}" for by in KEPT_BY]
        yield f"{asked.key}: decided as a rule within {_joined(told)} ({asked.point})."


def as_json(limits: Iterable[Asked]) -> list[dict[str, object]]:
    """For programs; what a day does not decide is null."""
    found = [(asked, {by: seconds(asked, by) for by in KEPT_BY}) for asked in limits]
    return [
        {"limit": asked.key, "point": asked.point}
        | {f"kept_by_{by * 100:.0f}": None if math.isinf(time) else time for by, time in times.items()}
        for asked, times in found
    ]


def _time(length: float) -> str:
    if math.isinf(length):
        return "no window of a day"
    return format_duration(length) if length < 120 else f"{length / 60:,.0f}min"


def _joined(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
