"""What stands beside a culprit: figures that its servers' own kernels counted, where they lie apart from
those of all other servers. Facts, none of which is called a cause.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kb_tests.report.signs import SignsRecord

FIGURES = {
    "cpu": "CPU in use",
    "steal": "CPU time stolen",
    "memory_wait": "waiting for memory",
    "disk_wait": "waiting for disk",
    "softnet_dropped": "packets dropped by the backlog",
    "retransmitted": "TCP segments sent again",
    "dropped": "packets dropped by interfaces",
    "queue_dropped": "packets dropped by the interfaces' queues",
    "listen_dropped": "connections dropped by the listen queue",
}
"""What each is called."""

SHARES = frozenset({"cpu", "steal", "memory_wait", "disk_wait"})
"""Those that are shares of the time."""

LEAST_SHARE = 0.01
LEAST_NUMBER = 10.0
"""What a figure is at the least to be worth a word: a hundredth of the time, or so many in the window."""

APART = 0.5
"""How far a figure is beyond those of all others, as a part of the range that these have."""

FEWEST_OTHERS = 5


@dataclass(frozen=True)
class Sign:
    """A `figure` of a culprit's servers, a second in the mean, from `low` to `high`; that of all others; and
    the most that one of the culprit's had in one second, `at` that of the window.
    """

    figure: str
    low: float
    high: float
    others_low: float
    others_high: float
    worst: float
    at: float


@dataclass(frozen=True)
class Beside:
    """The `signs` of one culprit, of all figures that were `seen` of its servers and of others."""

    seen: tuple[str, ...]
    signs: tuple[Sign, ...]


def beside(
    culprit: Collection[str], others: Collection[str], signs: Mapping[str, SignsRecord]
) -> Beside | None:
    """What the servers of these names have of their own beside the `others`; None where they have nothing
    that can be held against others'.
    """
    ours = [signs[name] for name in culprit if name in signs]
    rest = [signs[name] for name in others if name in signs]
    if len(ours) < len(culprit) or not ours or len(rest) < FEWEST_OTHERS:
        return None
    seen = tuple(name for name in FIGURES if all(name in one.figures for one in (*ours, *rest)))
    found = (_sign(name, ours, rest) for name in seen)
    return Beside(seen, tuple(one for one in found if one is not None)) if seen else None


def _sign(name: str, ours: Sequence[SignsRecord], rest: Sequence[SignsRecord]) -> Sign | None:
    mine = [one.each_second(name) for one in ours]
    theirs = [one.each_second(name) for one in rest]
    low, high, others_low, others_high = min(mine), max(mine), min(theirs), max(theirs)
    enough = (
        low >= LEAST_SHARE if name in SHARES else min(one.figures[name][0] for one in ours) >= LEAST_NUMBER
    )
    if not enough or low <= others_high + APART * (others_high - others_low):
        return None
    worst, at = max(one.figures[name][1:] for one in ours)
    return Sign(name, low, high, others_low, others_high, worst, at)
