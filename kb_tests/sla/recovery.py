"""The limit on recovery: a statement about what followed one mark, that is, about the sample alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb_tests.measure.recovery import Recovery
from kb_tests.scenario.hooks import SUSTAINED, RecoveryLimit
from kb_tests.scenario.units import format_duration
from kb_tests.sla.decide import of_sample
from kb_tests.sla.verdict import RECOVERY, Check, Outcome

NOTHING_DONE = (
    "Nothing was done to the cloud while it was loaded, by a hook or with a marker, so that there was nothing"
    " to recover from: give the scenario hooks, or note what you do with `kb marker TEXT`."
)


def recovery_check(found: Sequence[Recovery], limit: RecoveryLimit) -> tuple[Check, tuple[str, ...]]:
    """Whether the service recovered within the limit after every mark; and why nobody can tell, as sentences.

    What did not recover while it was watched took longer than any limit that could be seen in that time. A
    mark that came too late for that decides nothing: the point is not valid then, and never passes.
    """
    reasons = [
        f"How long it took to recover after {one.named} cannot be told: {_undecided(one, limit)}."
        for one in found
        if _undecided(one, limit)
    ]
    if not found:
        reasons.append(NOTHING_DONE)
    known = [one for one in found if not one.unknown]
    value = max((math.inf if one.seconds is None else one.seconds for one in known), default=math.nan)
    low = max((one.least for one in known), default=0.0)
    broken = any(one.least > limit.within for one in known)
    outcome, p_pass, p_fail = of_sample(kept=not broken, sampled=broken or not reasons)
    if broken:
        outcome, reasons = Outcome.FAIL, []
    told = " ".join(_told(one) for one in found) or NOTHING_DONE
    return (
        Check(RECOVERY, outcome, value, limit.within, "s", low, value, True, told, p_pass, p_fail),
        tuple(reasons),
    )


def _undecided(one: Recovery, limit: RecoveryLimit) -> str:
    """Why a mark does not tell whether the limit was kept; "" if it does."""
    if one.unknown:
        return one.unknown
    if one.seconds is not None or one.least > limit.within:
        return ""
    return (
        f"it was {format_duration(one.watched)} before the window's end or the next mark, where"
        f" {format_duration(limit.within)} and {format_duration(SUSTAINED)} of good ones are needed"
    )


def _told(one: Recovery) -> str:
    if one.unknown:
        return f"After {one.named} nothing can be told."
    if one.seconds is None and not one.off:
        return f"After {one.named} only {format_duration(one.watched)} were left."
    if one.seconds is None:
        return f"After {one.named} it did not recover within {format_duration(one.watched)}."
    return f"After {one.named} it took {format_duration(one.seconds)}."
