"""How the error probability of a run is shared out among its checks and their looks.

The stated confidence holds for the whole run: with probability `confidence`, every check that passed is
really kept and every check that failed is really broken. Each check gets an equal share (Bonferroni), over
all looks at it. Holm's step-down would decide a few more of them, but only when the whole run is over: too
late for the tests that had to end one by one.
"""

from __future__ import annotations

from collections.abc import Iterable

from kb_tests.sla.verdict import Check, Outcome

WORST_FIRST = (Outcome.INVALID, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def look_lengths(duration: float, max_duration: float) -> tuple[float, ...]:
    """Seconds that each look at a point takes: its duration, twice that, at last what it may take at most.

    Each look is a run of its own, made while the point is inconclusive; there are three at most.
    """
    lengths = [duration]
    if max_duration >= 4 * duration:
        lengths.append(2 * duration)
    if max_duration > duration:
        lengths.append(max_duration)
    return tuple(lengths)


def worst(checks: Iterable[Check]) -> Outcome:
    """The worst outcome of `checks`, of which there is at least one."""
    return min((check.outcome for check in checks), key=WORST_FIRST.index)
