"""How the error probability of a run is shared out among its checks and their looks.

The stated confidence holds for the whole run: with probability `confidence`, every check that passed is
really kept and every check that failed is really broken. Points come one by one, so each check gets an
equal share at once (Bonferroni), over all looks at it. When the run is over, `settle` hands the shares
of the checks that were decided to those that were not (Holm 1979; with a decision in either direction,
Shaffer 1980): this only turns inconclusive ones into pass or fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kb_tests.scenario.model import HttpSla
from kb_tests.sla.verdict import Check, Outcome, Verdict

WORST_FIRST = (Outcome.INVALID, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def number_of_checks(sla: HttpSla) -> int:
    """How many checks of one point can err: limits on the sample itself (p100, no error) cannot."""
    percents = [percent for percent in sla.latency.limits() if percent < 100] if sla.latency else []
    return len(percents) + (sla.achieved is not None) + bool(sla.errors)


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


def settle(verdicts: Sequence[Verdict], checks: int) -> list[Verdict]:
    """The verdicts of a finished run, with its inconclusive checks judged once more.

    `checks` is the number that `judge` was given for each of them. Invalid verdicts stay as they are,
    and their checks count as undecided.
    """
    open_checks = sorted(
        (min(check.p_pass, check.p_fail), place, index)
        for place, verdict in enumerate(verdicts)
        if verdict.outcome is not Outcome.INVALID
        for index, check in enumerate(verdict.checks)
        if check.p_pass > 0 and check.p_fail > 0
    )
    settled = [list(verdict.checks) for verdict in verdicts]
    for rank, (p, place, index) in enumerate(open_checks):
        if p > (1 - verdicts[place].confidence) / max(1, checks - rank):
            break
        check = settled[place][index]
        if check.outcome is Outcome.INCONCLUSIVE:
            outcome = Outcome.PASS if check.p_pass < check.p_fail else Outcome.FAIL
            settled[place][index] = replace(check, outcome=outcome)
    return [
        verdict
        if verdict.outcome is Outcome.INVALID or not made
        else replace(verdict, checks=tuple(made), outcome=worst(made))
        for verdict, made in zip(verdicts, settled, strict=True)
    ]
