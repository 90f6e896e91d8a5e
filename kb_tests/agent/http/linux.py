"""What the standard library lacks before Python 3.13, or altogether: timerfd and prctl, by ctypes.

Where ctypes is missing or the C library refuses, `Timer.fd` is -1 and the worker paces itself by epoll's
timeout of whole milliseconds; the coarser pace then shows in the send lag.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from typing import Any, Optional

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_TFD_TIMER_ABSTIME = 1

libc: Optional[Any]
try:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
except (ImportError, OSError):
    libc = None


class Timer:
    """A CLOCK_MONOTONIC timerfd that fires at `first` and every `interval` seconds after it.

    After each expiry it has to be read (`os.read(fd, 8)`): the kernel arms the next one then.
    """

    def __init__(self) -> None:
        self.fd = -1
        if sys.version_info >= (3, 13):
            self.fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        elif libc is not None:
            self.fd = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)

    def set(self, first: float, interval: float) -> None:
        """Arm it; a `first` in the past fires at once."""
        value, every = max(1, int(first * 1e9)), int(interval * 1e9)
        if self.fd < 0:
            return
        if sys.version_info >= (3, 13):
            os.timerfd_settime_ns(self.fd, flags=os.TFD_TIMER_ABSTIME, initial=value, interval=every)
        elif libc is not None:
            times = (*divmod(every, 1_000_000_000), *divmod(value, 1_000_000_000))
            libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, (ctypes.c_long * 4)(*times), None)


def prepare_process() -> None:
    """Timers without slack, and death with the parent process."""
    if libc is not None:
        libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def raise_file_limit(needed: int) -> int:
    """Allow this process `needed` open files if it may; returns how many it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return soft
    for limits in ((needed, max(hard, needed)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        except (ValueError, OSError):
            continue
        break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
