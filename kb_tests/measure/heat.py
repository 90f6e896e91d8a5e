"""How many requests or I/Os took how long, second by second: the heat map of a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Row = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Heat:
    """Rows of `step` seconds each, the first from second `at` of the window on (negative: warm-up).

    A row has (bucket, count), ascending: bucket i holds times of [2**(i/4), 2**((i+1)/4)) microseconds.
    """

    at: int = 0
    step: int = 1
    rows: tuple[Row, ...] = ()

    @classmethod
    def of(cls, seconds: Mapping[int, Mapping[int, int]], first: float, last: float) -> Heat:
        """Of the buckets of each second from `first` to `last`, as far as any tell of it."""
        there = [second for second in seconds if first <= second <= last]
        if not there:
            return cls()
        rows = (_row(seconds.get(second, {})) for second in range(min(there), max(there) + 1))
        return cls(min(there), 1, tuple(rows))

    def joined(self) -> Heat:
        """The same counts in half as many rows; the last may stand for less time."""
        pairs = (self.rows[at : at + 2] for at in range(0, len(self.rows), 2))
        return Heat(self.at, 2 * self.step, tuple(_row(_sum(pair)) for pair in pairs))


def _row(buckets: Mapping[int, int]) -> Row:
    return tuple((bucket, count) for bucket, count in sorted(buckets.items()) if count)


def _sum(rows: tuple[Row, ...]) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in rows:
        for bucket, count in row:
            found[bucket] = found.get(bucket, 0) + count
    return found
