"""fio's latency bins, by which all times travel: whole nanoseconds below 128, then 64 for each power of two.

Source: fio's stat.c, `plat_val_to_idx` and `plat_idx_to_val`. Its last bin takes all from 17.05 s on.
"""

from __future__ import annotations

from typing import Dict, List

Bins = Dict[int, int]
"""{name: count}; a bin is named by its middle, in nanoseconds."""

_BITS = 6
_LAST = 29 * (1 << _BITS) - 1


def name_of(nanoseconds: int) -> int:
    """The name of the bin that a time falls into."""
    shift = max(0, nanoseconds.bit_length() - 1 - _BITS)
    if not shift:
        return nanoseconds
    index = min(_LAST, ((shift + 1) << _BITS) + (nanoseconds >> shift & (1 << _BITS) - 1))
    shift = (index >> _BITS) - 1
    return ((index & (1 << _BITS) - 1 | 1 << _BITS) << shift) + (1 << shift >> 1)


def pairs(bins: Bins) -> List[List[int]]:
    """As they travel: [[name, count], ...], ascending."""
    return [[name, bins[name]] for name in sorted(bins)]
