"""How long to wait until the next look at many things that come or go one by one."""

from __future__ import annotations

_FASTEST = 0.3
_MORE_FOR_EACH = 0.01
"""Seconds between two looks at least, and how many more for each thing."""

_SLOWEST = 30.0
_LATE = 0.05
_LATEST = 0.5
"""How much later than it happens the end may be seen, as a share of the time that it took: at the pace that
there was before, and at worst.
"""


def until_next_look(waited: float, done: int, wanted: int) -> float:
    """Seconds: half of what is left at the pace so far, or all of it when that is soon; within bounds.

    `waited` are the seconds since the first look, in which `done` of `wanted` were seen.
    """
    soonest = max(_FASTEST + _MORE_FOR_EACH * wanted, waited * _LATE)
    longest = max(soonest, min(waited * (_LATEST if done > 0 else _LATEST / 2), _SLOWEST))
    left = waited * (wanted - done) / done if done > 0 else longest
    return min(max(soonest, left if left < 2 * soonest else left / 2), longest)
