"""The Redis server's clock as seen from here."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FRESH = 30.0
_SAMPLES = 12
_LONGEST = 1.0


class Reading:
    """`offset` seconds to add to CLOCK_MONOTONIC, true within +-`error`, taken `at` (monotonic)."""

    __slots__ = ("at", "error", "offset")

    def __init__(self, offset: float, error: float, at: float) -> None:
        self.offset = offset
        self.error = error
        self.at = at


def read(server_time: Callable[[], float], samples: int = _SAMPLES, until: float = float("inf")) -> Reading:
    """The best of some round trips: the shortest bounds the offset the closest (Cristian, 1989).

    As many as fit into a second, and before `until` (monotonic seconds), but one in any case.
    """
    best = None
    for _ in range(samples):
        begin = time.monotonic()
        if best is None:
            until = min(until, begin + _LONGEST)
        server = server_time()
        end = time.monotonic()
        reading = Reading(server - (begin + end) / 2, (end - begin) / 2, end)
        if best is None or reading.error < best.error:
            best = reading
        if end + (end - begin) > until:
            break
    assert best is not None
    return best


def change(before: Reading, after: Reading) -> dict[str, float]:
    """How far our clock fell behind the server's between two readings, within what error, and in what time.

    CLOCK_MONOTONIC stands still with a guest that is stopped (live migration, snapshot): nothing that is
    timed in the guest shows it.
    """
    return {
        "seconds": after.offset - before.offset,
        "error": before.error + after.error,
        "elapsed": max(0.0, after.at - before.at),
    }


def better(old: Reading, new: Reading) -> Reading:
    """The new reading, unless the old one is fresh, closer, and they agree."""
    agree = abs(old.offset - new.offset) <= old.error + new.error
    return old if agree and old.error < new.error and new.at - old.at < _FRESH else new
