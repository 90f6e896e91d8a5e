"""Whether a sample is large enough for a percentile."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import FEWEST_BATCHES, FEWEST_MEANS, Clusters, needed, planned


def too_short(seconds: float, shares: Collection[float]) -> str:
    """Why a window of so many seconds shows nothing of these shares, or of a rate; empty if it may."""
    least = FEWEST_BATCHES if any(0 < share < 1 for share in shares) else FEWEST_MEANS
    if seconds >= least:
        return ""
    return f"load.duration: {format_duration(seconds)} is too short; {least}s is the least."


def too_few(
    key: str,
    share: float,
    point: str,
    offered: float,
    what: str,
    lengths: Sequence[float],
    alpha: float,
    enough: Callable[[float, float, Sequence[Clusters]], float] = needed,
) -> str:
    """A sentence if `share` of `point` cannot be shown at `alpha` by all its looks, each as long as `lengths`
    say; empty if it can.

    `offered` is how many of `what` come a second, `enough` tells how many it takes.
    """
    seconds = sum(lengths)
    need, has = enough(share, alpha, [planned(lengths)]), math.floor(offered * seconds)
    if has >= need:
        return ""
    looks = " of all looks" if len(lengths) > 1 else ""
    return (
        f"{key}: takes at least {need:,.0f} {what} to show, but {point} makes {has:,} in"
        f" {format_duration(seconds)}{looks}; raise load.max_duration to"
        f" {format_duration(math.ceil(need / offered))}, the rate or the limit, or check less."
    )
