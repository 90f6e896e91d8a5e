"""What a rate made due, and how long each of it took from then on, from fio's log of every I/O.

fio makes the k-th read (or write) of a job, from 0 on, k steps after its start, or as soon afterwards as it
comes to it; it never gives up what it is behind with (io_u.c: `rate_ddir`, backend.c: `usec_for_io`). It
times an I/O from its submission. Whoever asks at that rate waits from the moment when it was due. So that is
where these response times begin, and what was never made has none (coordinated omission).

A line of the log has the milliseconds from fio's start to the end of an I/O, its total latency in
nanoseconds, and 0 for a read or 1 for a write. A response time is never shorter than that latency, and known
to 1 ms where it is longer.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .bins import Bins, name_of

_MS = 1_000_000
EPSILON = 1e-6
"""Of a turn: times that should be equal are not, to the last digit."""

FEWER = 0.01
"""The share of all I/Os that may be missing in fio's log; it has all of them."""


Failures = Sequence[Tuple[float, Tuple[int, int]]]
"""How many reads and writes had failed at which second of fio's clock, ascending: they are in no log."""


class Due(NamedTuple):
    """The reads or writes that were due in one time block: how many, and the response times of those that
    were done. The others failed, or were never made.
    """

    due: int
    bins: Bins


class _Track:
    """One job's reads or writes, as they were completed."""

    def __init__(self) -> None:
        self.ends = array("q")
        self.latencies = array("q")

    def in_order_of_issue(self) -> Sequence[int]:
        issued = array("q", (end * _MS - self.latencies[at] for at, end in enumerate(self.ends)))
        if all(issued[at] <= issued[at + 1] for at in range(len(issued) - 1)):
            return range(len(issued))
        return sorted(range(len(issued)), key=issued.__getitem__)


def account(
    logs: Iterable[Iterable[str]],
    steps: Tuple[float, float],
    begin: float,
    edges: Sequence[float],
    failures: Failures,
    made: Optional[Tuple[int, int]] = None,
) -> List[Tuple[Due, Due]]:
    """The reads and the writes of each block, of all jobs: one of `logs` each, all of them at these `steps`.

    The window begins at the second `begin` of fio's clock. A block lies between two neighbours in `edges`,
    which are seconds of the window; what is due at an edge belongs to the block after it. fio counts `made`
    reads and writes in all. Raises ValueError for a line that is none, or for other numbers of them.
    """
    starts = [
        [max(0, math.ceil((begin + edge) / step - EPSILON)) if step else 0 for edge in edges]
        for step in steps
    ]
    found: List[Tuple[Bins, Bins]] = [({}, {}) for _ in edges[1:]]
    jobs = 0
    logged = [0, 0]
    for lines in logs:
        jobs += 1
        for direction, track in enumerate(_read(lines)):
            logged[direction] += len(track.ends)
            if steps[direction]:
                bins = [block[direction] for block in found]
                shift = _Shift(failures, direction)
                _add(track, steps[direction], starts[direction], bins, shift)
    for name, there, counted in zip(("reads", "writes"), logged, made or logged):  # noqa: B905
        if not counted * (1 - FEWER) <= there <= counted:
            raise ValueError(f"it has {there} {name}, of which fio counts {counted}")
    return [
        (
            Due((starts[0][at + 1] - starts[0][at]) * jobs, bins[0]),
            Due((starts[1][at + 1] - starts[1][at]) * jobs, bins[1]),
        )
        for at, bins in enumerate(found)
    ]


def _read(lines: Iterable[str]) -> Tuple[_Track, _Track]:
    tracks = _Track(), _Track()
    for line in lines:
        end, latency, direction = line.split(",", 3)[:3]
        if int(direction) in (0, 1):
            track = tracks[int(direction)]
            track.ends.append(int(end))
            track.latencies.append(max(0, int(latency)))
    return tracks


class _Shift:
    """How many turns of the schedule went to I/Os that failed.

    Those of one second are taken for the earliest of it, and all for those of one job: what comes after them
    is rather held for less late than for more, and they themselves count as slower than any limit.
    """

    def __init__(self, failures: Failures, direction: int) -> None:
        self._at = [at for at, _ in failures]
        self._counts = [0, *(counts[direction] for _, counts in failures)]

    def at(self, second: float) -> int:
        return self._counts[min(bisect_left(self._at, second) + 1, len(self._counts) - 1)]


def _add(track: _Track, step: float, starts: Sequence[int], blocks: Sequence[Bins], shift: _Shift) -> None:
    """Add a job's I/Os, the k-th of which was due after k steps, to the blocks that begin with these k."""
    for turn, at in enumerate(track.in_order_of_issue()):
        end = track.ends[at]
        turn += shift.at(end / 1000)
        block = bisect_right(starts, turn) - 1
        if 0 <= block < len(blocks):
            name = name_of(max(track.latencies[at], end * _MS - round(turn * step * 1e9)))
            blocks[block][name] = blocks[block].get(name, 0) + 1
