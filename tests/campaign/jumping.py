"""A pytest plugin for a controller whose clock is set in mid-run: three hours on by SIGUSR1, back by SIGUSR2.

Given by `-p`, so that it comes before everything that imports `datetime`.
"""

from __future__ import annotations

import datetime
import signal
import time

JUMP = 3 * 3600.0

_right = time.time
_ahead = 0.0


def _now() -> float:
    return _right() + _ahead


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Datetime:
        return cls.fromtimestamp(_now(), tz)

    @classmethod
    def utcnow(cls) -> _Datetime:
        return cls.fromtimestamp(_now(), datetime.UTC).replace(tzinfo=None)


def _set(number: int, frame: object) -> None:
    global _ahead
    _ahead = JUMP if number == signal.SIGUSR1 else -JUMP


time.time = _now
time.time_ns = lambda: int(_now() * 1e9)
datetime.datetime = _Datetime  # type: ignore[misc]
for number in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, _set)
