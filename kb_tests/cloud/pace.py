"""How long to wait until the next look at many things that come or go one by one.

Each look is a request that costs the cloud, and may make it slower: their number grows with the logarithm of
the time, and in return the end is seen a share of that time late.
"""

from __future__ import annotations

from kb_tests.cloud.patience import USUAL

_MORE_FOR_EACH = 0.01
"""Seconds more between two looks at least, for each thing."""

_SLOWEST = 90.0
_LATE = 0.08
_LATEST = 0.5
"""How much later than it happens the end may be seen, as a share of the time that it took: at the pace that
there was before, and at worst, before the first is done.
"""

LATEST = 1.0
"""The same at worst, once there is a pace."""

_AT_ONCE = 0.8
"""How much of what seems left is waited for at once."""


def until_next_look(
    waited: float, done: int, wanted: int, latest: float = LATEST, soonest: float = USUAL.look
) -> float:
    """Seconds: most of what is left at the pace so far, or all of it when that is soon; within bounds.

    `waited` are the seconds since the things were asked for, in which `done` of `wanted` were seen;
    `soonest` is the bound for few of them.
    """
    soonest = max(soonest + _MORE_FOR_EACH * wanted, waited * _LATE)
    longest = max(soonest, min(waited * (latest if done > 0 else min(latest, _LATEST)), _SLOWEST))
    left = waited * (wanted - done) / done if done > 0 else longest
    return min(max(soonest, left if left < 2 * soonest else left * _AT_ONCE), longest)
