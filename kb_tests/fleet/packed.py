"""Coarse latency buckets as bytes: ten thousand agents send 600,000 lists of them a minute."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np

Packed = bytes
"""What `pack` gives."""

_BUCKET = struct.Struct("<BQ")
_ROW = np.dtype([("bucket", "u1"), ("count", "<u8")])

MOST = 1 << 40
"""The largest count that is kept of one agent's second: those of ten thousand that lie add up in 64 bits."""


def pack(buckets: Iterable[tuple[int, int]]) -> bytes:
    """(bucket, how many) as bytes. Buckets are 0 to 200; of a count that no server reaches `MOST` is kept."""
    return b"".join(_BUCKET.pack(bucket, min(count, MOST)) for bucket, count in buckets)


def unpack(packed: bytes) -> Iterator[tuple[int, int]]:
    """What was packed."""
    return _BUCKET.iter_unpack(packed)


def added(parts: Iterable[bytes]) -> dict[int, int]:
    """The sum of what was packed into `parts`, by bucket, ascending."""
    rows = np.frombuffer(b"".join(parts), _ROW)
    counts = np.zeros(256, np.int64)
    np.add.at(counts, rows["bucket"], rows["count"].astype(np.int64))
    return {int(bucket): int(counts[bucket]) for bucket in np.flatnonzero(counts)}
