"""How long the time blocks of a point are."""

from __future__ import annotations

LENGTHS = (1, 2, 4, 8)
"""Seconds: each is half of the next, so that blocks of windows of any length add up to equal ones."""


FINER = 0.25
"""Seconds of a block where the moment counts at which something begins or ends: HTTP's generators can do
that, fio tells of whole seconds.
"""


def block_seconds(duration: float, *, by_second: bool = False) -> float:
    """The length of one histogram block: a thirtieth of the window, and 4 s from two minutes to twenty on;
    1 s where what is due in each second has to be known by itself.
    """
    if by_second:
        return float(LENGTHS[0])
    if duration >= 1200:
        return float(LENGTHS[-1])
    return float(max((length for length in LENGTHS[:3] if length * 30 <= duration), default=1))
