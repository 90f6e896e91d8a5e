"""The guard of a point's hooks: a small process that outlives pytest's, and ends what that could not.

Its input is a pipe that only the session holds open, so that every way of ending shows, SIGKILL included. A
line `begun ID` names a hook's process group, `ended ID` one that is gone and whose number may be another's by
now, `over 0` says that the point is. At the input's end it ends those that were begun and have not ended:
first asked, then not. Where nobody said that it was over, a hook may have begun of which there was no time to
tell: it is known by its environment.

It runs as a program of its own (`start`), in a session of its own, out of reach of what is sent to pytest's
process group, with the standard library alone, so that it is there before the first hook is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid

GRACE = 2.0
"""Seconds between asking a process group to end and ending it."""

_POLL = 0.05
_BEGUN, _ENDED, _OVER = "begun", "ended", "over"
_MARK = "KB_HOOK_GUARD"


class Guard:
    """The handle of a running guard, held by the session; raises OSError where none can be started."""

    def __init__(self) -> None:
        self._mark = (
            uuid.uuid4().hex
        )  # a process id may be another guard's later, and a daemon's of its hooks
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, self._mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def mark(self) -> dict[str, str]:
        """What a hook needs in its environment to be known."""
        return {_MARK: self._mark}

    def begun(self, group: int) -> None:
        """A hook has begun, as the leader of this process group."""
        self._say(_BEGUN, group)

    def ended(self, group: int) -> None:
        """All of a group has ended; to be said while its number is still nobody else's."""
        self._say(_ENDED, group)

    def release(self) -> None:
        """The point is over: it ends, once it has ended what has not."""
        assert self._process.stdin is not None
        self._say(_OVER, 0)
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended; it is ended if it does not in good time."""
        try:
            return self._process.wait(GRACE + 10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _say(self, what: str, group: int) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it was killed: hooks go on without it
            os.write(self._process.stdin.fileno(), f"{what} {group}\n".encode())


def main() -> None:
    """Watch until the input ends."""
    groups: set[int] = set()
    over = False
    for line in sys.stdin:
        what, _, group = line.strip().partition(" ")
        over |= what == _OVER
        (groups.add if what == _BEGUN else groups.discard)(int(group))
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + GRACE
        groups |= set() if over else _untold()
        groups = {group for group in groups if _send(group, number)}
        while groups and time.monotonic() < until:
            time.sleep(_POLL)
            groups = {group for group in groups if _send(group, 0)}


def _untold() -> set[int]:
    """The groups of processes that bear this guard's mark."""
    mark, found = f"{_MARK}={sys.argv[1]}".encode(), set()
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - names are wanted
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
            if mark in file.read().split(b"\0"):
                found.add(os.getpgid(int(name)))
    return found


def _send(group: int, number: int) -> bool:
    """Whether there was anybody to send it to."""
    try:
        os.killpg(group, number)
    except PermissionError:
        return number == 0
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
