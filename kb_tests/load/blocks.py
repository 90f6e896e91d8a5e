"""How long the time blocks of a point are."""

from __future__ import annotations


def block_seconds(duration: float) -> float:
    """The length of one histogram block: a thirtieth of the window, whole seconds from 1 to 10."""
    return float(min(10, max(1, round(duration / 30))))
