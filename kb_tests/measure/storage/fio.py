"""fio's latency bins: their edges, their loss-less way into a Histogram, what they cannot say.

fio counts total latencies (`lat_ns`) in 1,856 bins: whole nanoseconds below 128, then 64 bins for each
power of two, named by their middle (stat.c: `plat_idx_to_val`). The last one takes everything from 17.05 s
on: what it holds is known to be at least that long and nothing more, so it is counted apart, as censored.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from kb_tests.measure.histogram import MICROSECOND, Histogram

Bins = npt.NDArray[np.int64]
"""One count for each of fio's bins."""

_BITS = 6
_NUMBER = 29 << _BITS
_NANO = 1e-9


def _edges() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The lowest value and the name of each bin, in nanoseconds."""
    index = np.arange(_NUMBER, dtype=np.int64)
    shift = np.maximum((index >> _BITS) - 1, 0)
    low = np.where(index < 2 << _BITS, index, (index % (1 << _BITS) + (1 << _BITS)) << shift)
    return low, low + np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 0)


_LOW, _NAMES = _edges()
_SECONDS = np.maximum(_NAMES * _NANO, MICROSECOND)
_INDEX = {int(name): index for index, name in enumerate(_NAMES)}

CENSORED_FROM = float(_LOW[-1]) * _NANO
"""Seconds; fio cannot tell longer ones apart."""


def empty() -> Bins:
    """No I/O at all."""
    return np.zeros(_NUMBER, np.int64)


def read(pairs: Iterable[tuple[int, int]]) -> Bins:
    """Counts from `[name in ns, count]` pairs; raises ValueError for what is no bin of fio's."""
    bins = empty()
    for name, count in pairs:
        index = _INDEX.get(name)
        if index is None:
            raise ValueError(f"{name} ns is none of fio's latency bins")
        if bins[index]:
            raise ValueError(f"fio's latency bin {name} ns appears twice")
        bins[index] = count
    return bins


def histogram(bins: Bins) -> Histogram:
    """The histogram of `bins`, without the censored ones; under 1 us counts as 1 us.

    Each bin stays one value, its middle as fio's own percentiles have it, so nothing is lost by merging.
    """
    used = np.flatnonzero(bins[:-1])
    return Histogram.of(_SECONDS[used], bins[used])


def censored(bins: Bins) -> int:
    """How many took `CENSORED_FROM` or longer."""
    return int(bins[-1])


def followed(bins: Bins, lost: int, syncs: Bins, failed: int) -> tuple[Bins, int]:
    """Writes that took `bins`, of which `lost` more were not done, and that waited for `syncs` afterwards, of
    which `failed` more were not done: how long both took together, and how many were not done.

    It is not known which waited for which. Whatever it was: no more than x writes took longer than w, and no
    more than y syncs longer than s, so no more than x + y took longer than w + s together. The least such
    bound is told (Makarov 1981); where the syncs take most of the time, it is nearly what it was.
    """
    every = int(bins.sum()) + lost
    lost = min(every, lost + failed)
    done = every - lost
    write, sync = np.flatnonzero(bins), np.flatnonzero(syncs)
    lengths = np.concatenate(([0], _NAMES[sync]))
    longer = int(syncs.sum()) - np.concatenate(([0], np.cumsum(syncs[sync])))
    both = (_NAMES[write][:, None] + lengths[None, :]).ravel()
    above = ((int(bins.sum()) - np.cumsum(bins[write]))[:, None] + longer[None, :]).ravel()
    least = np.full(_NUMBER, done, np.int64)
    np.minimum.at(least, np.searchsorted(_LOW, both, side="right") - 1, above)
    least = np.minimum.accumulate(least)
    found: Bins = -np.diff(least, prepend=done)
    return found, lost


def without_fastest(bins: Bins, number: int) -> Bins:
    """`bins` less the `number` shortest ones."""
    before = np.cumsum(bins) - bins
    left: Bins = bins - np.clip(number - before, 0, bins)
    return left
