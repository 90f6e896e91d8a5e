"""The longest time without a completed I/O, from fio's latency log.

fio writes one line (milliseconds since its start, latency, direction, ...) per direction and window of
`log_avg_msec`, when an I/O is completed and the window is over; windows without I/Os leave no line. So
every line's time is that of a completed I/O, and the true longest gap is at most one window shorter than
the longest distance between lines. fio's bandwidth and IOPS logs would not do: they average over windows
of uncertain length and say nothing of empty ones.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple


class Stall(NamedTuple):
    """`seconds` without a completed I/O, beginning at `at`."""

    seconds: float
    at: float


def longest(lines: Iterable[str], begin: float, end: float) -> Stall:
    """The longest one within [begin, end], both in seconds since fio's start, as are the result's times.

    Several jobs write one after the other into the log, so the lines need not be in order. Raises
    ValueError for a line that is none.
    """
    times = sorted({int(line.split(",", 1)[0]) for line in lines if line.strip()})
    last, found = begin, Stall(0.0, begin)
    for time in times:
        at = min(max(time / 1000, begin), end)
        if at - last > found.seconds:
            found = Stall(at - last, last)
        last = at
    return Stall(end - last, last) if end - last > found.seconds else found
