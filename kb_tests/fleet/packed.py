"""Coarse latency buckets as bytes: ten thousand agents send 600,000 lists of them a minute."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

Packed = bytes
"""What `pack` gives."""

_ROW = np.dtype([("bucket", "u1"), ("count", "<u4")])
_LARGE = np.dtype([("bucket", "u1"), ("count", "<u8")])
_SMALL = 1 << 32

_MARK = b"\xff"
"""No bucket has this number: counts of 8 bytes follow, where any is too large for 4."""

MOST = 1 << 40
"""The largest count that is kept of one agent's second: those of ten thousand that lie add up in 64 bits."""


def pack(buckets: Iterable[tuple[int, int]]) -> bytes:
    """(bucket, how many) as bytes. Buckets are 0 to 200; of a count that no server reaches `MOST` is kept."""
    flat = [word for pair in buckets for word in pair]
    counts = flat[1::2]
    if not counts or max(counts) < _SMALL:
        return _rows(len(counts), "I").pack(*flat)
    flat[1::2] = [min(count, MOST) for count in counts]
    return _MARK + _rows(len(counts), "Q").pack(*flat)


@functools.cache
def _rows(number: int, count: str) -> struct.Struct:
    return struct.Struct("<" + f"B{count}" * number)


def unpack(packed: bytes) -> Iterator[tuple[int, int]]:
    """What was packed."""
    rows = _read(packed)
    return zip(rows["bucket"].tolist(), rows["count"].tolist(), strict=True)


def _read(packed: bytes) -> npt.NDArray[np.void]:
    large = packed.startswith(_MARK)
    return np.frombuffer(packed[1:] if large else packed, _LARGE if large else _ROW)


def added(parts: Iterable[bytes]) -> dict[int, int]:
    """The sum of what was packed into `parts`, by bucket, ascending."""
    every = [*parts]
    small = b"".join(part for part in every if not part.startswith(_MARK))
    counts = np.zeros(256, np.int64)
    for rows in (_read(small), *(_read(part) for part in every if part.startswith(_MARK))):
        np.add.at(counts, rows["bucket"], rows["count"].astype(np.int64))
    return {int(bucket): int(counts[bucket]) for bucket in np.flatnonzero(counts)}
