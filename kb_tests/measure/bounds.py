"""Limits of validity that all kinds of load share."""

from __future__ import annotations

from collections.abc import Sequence

CPU = 0.9
SHIFT_SHARE = 0.05
SHIFT_AT_MOST = 1.0
NAMED = 3


def named(names: Sequence[str]) -> str:
    """The first few of `names`, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
