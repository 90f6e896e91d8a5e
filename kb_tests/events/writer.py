"""Writes events to a file that others follow, and never harms the run it tells of.

A thread of its own writes; whoever puts an event neither waits nor hears of an error. Where lines wait too
long or the disk is full, seconds of a load are left out first; how many were left out stands in the next
line. What was begun of a line that could not be finished is taken off the file again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections import deque
from pathlib import Path

from kb_tests.events import lines
from kb_tests.events.model import AnyEvent, Filed, Second

WAITING = 2_000
"""Events that wait for the disk at most."""

LARGEST = 256 << 20
"""Bytes of a file from which on seconds are left out."""

AGAIN = 1.0
"""Seconds until what could not be written is tried again."""


class FileWriter:
    """A handler that appends every event to one file, which no other process writes."""

    def __init__(
        self, path: Path, *, largest: int = LARGEST, waiting: int = WAITING, again: float = AGAIN
    ) -> None:
        self._path = path
        self._pid = os.getpid()
        self._largest = largest
        self._most = waiting
        self._again = again
        self._queue: deque[tuple[float, Filed]] = deque()
        self._dropped = 0
        self._n = 0
        self._size = 0
        self._fd = -1
        self._torn = False
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="kb-events", daemon=True)
        self._thread.start()

    def handle(self, event: AnyEvent) -> None:
        """Have `event` written, if that is possible."""
        if os.getpid() != self._pid:
            return  # a forked child is another process: only the one that opened the file writes it
        with contextlib.suppress(Exception):
            entry = time.time(), lines.filed(event)
            with self._wake:
                self._make_room()
                if len(self._queue) < self._most:
                    self._queue.append(entry)
                else:
                    self._dropped += 1
                self._wake.notify()

    def close(self, patience: float = 2.0) -> None:
        """Write what waits, for at most `patience` seconds, and no more."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(patience)

    def _make_room(self) -> None:
        if len(self._queue) < self._most:
            return
        for index, (_, event) in enumerate(self._queue):
            if isinstance(event, Second):
                del self._queue[index]
                self._dropped += 1
                return

    def _open(self) -> None:
        """Raises OSError for what somebody else put there, such as a link or a pipe."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "This is no ordinary file", str(self._path))
        self._fd, self._size = fd, found.st_size

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            while not self._write(*entry):
                if isinstance(entry[1], Second):
                    self._dropped += 1
                    break
                with self._wake:
                    if self._closing:
                        break
                    self._wake.wait(self._again)
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)

    def _next(self) -> tuple[float, Filed] | None:
        """What to write next, once there is something; None when there will be nothing more."""
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            return self._queue.popleft() if self._queue else None

    def _write(self, t: float, event: Filed) -> bool:
        """Whether the event stands in the file, or is left out for good."""
        if isinstance(event, Second) and self._size > self._largest:
            self._dropped += 1
            return True
        dropped = self._dropped
        line = lines.encode(self._n, t, event, dropped)
        if not line:
            self._dropped += 1
            return True
        try:
            if self._fd < 0:
                self._open()
            if self._torn:
                os.ftruncate(self._fd, self._size)
            self._torn = True
            written = os.write(self._fd, line)
            if written < len(line):
                os.ftruncate(self._fd, self._size)
                self._torn = False
                return False
        except OSError:
            return False
        self._torn = False
        self._size += written
        self._n += 1
        with self._wake:
            self._dropped -= dropped
        return True
