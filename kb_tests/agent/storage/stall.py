"""The times without a completed I/O, from fio's latency log.

fio writes one line (milliseconds since its start, latency, direction, ...) per direction and window of
`log_avg_msec`, when an I/O is completed and the window is over; windows without I/Os leave no line. So
every line's time is that of a completed I/O, and the true longest gap is at most one window shorter than
the longest distance between lines. fio's bandwidth and IOPS logs would not do: they average over windows
of uncertain length and say nothing of empty ones. Latencies would not do either: before fio sleeps to keep
its rate it waits for what is under way, so that a stall holds up one I/O, or none, and not a full queue.
"""

from __future__ import annotations

from typing import Iterable, List, NamedTuple


class Stall(NamedTuple):
    """`seconds` without a completed I/O, beginning at `at`."""

    at: float
    seconds: float


def find(lines: Iterable[str], begin: float, end: float, shortest: float) -> List[Stall]:
    """All within [begin, end] that took `shortest` seconds or more, in order; times as in the log, in
    seconds.

    Several jobs write one after the other into the log, so the lines need not be in order. Raises
    ValueError for a line that is none.
    """
    times = sorted({int(line.split(",", 1)[0]) for line in lines if line.strip()})
    last, found = begin, []
    for time in [*(time / 1000 for time in times), end]:
        at = min(max(time, begin), end)
        if at - last >= shortest:
            found.append(Stall(last, at - last))
        last = at
    return found
