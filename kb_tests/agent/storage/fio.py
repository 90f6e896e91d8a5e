"""fio as a child process: its output and its complaints in two pipes, the way to end it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from typing import Callable, List, Optional, Tuple

from .. import process
from .effort import Effort
from .options import StorageError
from .wait import Waiter

_MOST_SAID = 8192


def program() -> str:
    """The path of fio; raises StorageError when the image has none."""
    path = process.find("fio")
    if path is None:
        raise StorageError("fio is missing in the image.")
    return path


class Fio:
    """A running fio. `stdout` is a non-blocking descriptor; what it complains of is kept in `said`."""

    def __init__(self, arguments: List[str]) -> None:
        self.stdout, out = os.pipe()
        self.stderr, err = os.pipe()
        self.said = b""
        self.seconds_of_cpu = 0.0
        self.effort = Effort()
        self._jobs: List[int] = []
        try:
            self.pid = os.posix_spawn(
                arguments[0],
                arguments,
                dict(os.environ),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, out, 1),
                    (os.POSIX_SPAWN_DUP2, err, 2),
                ],
                setsigdef=[signal.SIGINT],
            )
        except OSError as error:
            raise StorageError(f"fio cannot be started: {error.strerror}.") from error
        finally:
            os.close(out)
            os.close(err)
        for descriptor in (self.stdout, self.stderr):
            os.set_blocking(descriptor, False)

    def read(self) -> Optional[bytes]:
        """What it printed since; None if nothing, b"" once it has closed its output."""
        return _read(self.stdout)

    def listen(self) -> Optional[bytes]:
        """What it complained of since, the last of which is kept; b"" once it can complain no more."""
        data = _read(self.stderr)
        self.said = (self.said + (data or b""))[-_MOST_SAID:]
        return data

    @property
    def complaint(self) -> str:
        """The first line it complained with, "" if it did not."""
        lines = self.said.decode("utf-8", "replace").strip().splitlines()
        return " ".join(lines[0].split())[:300] if lines else ""

    @property
    def met_an_error(self) -> bool:
        """Whether an I/O failed, by what it complained of."""
        return b"io_u error" in self.said

    def look(self) -> None:
        """Add up in `effort` how long its jobs ran, or were ready to run and had no CPU."""
        if self.pid and not self._jobs:
            self._jobs = _children(self.pid)
        self.effort.look(self._jobs or [self.pid])

    def ask(self) -> bool:
        """Have it print its totals (SIGUSR1); False while it has not come far enough to understand."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
                caught = next(line for line in file if line.startswith("SigCgt:"))
        except (OSError, StopIteration):
            return False
        if not int(caught.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1:
            return False
        _tell(self.pid, signal.SIGUSR1)
        return True

    def stop(self) -> None:
        """Have it end in order and print its last totals."""
        if self.pid:
            _tell(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it and its jobs at once; each job is a process in a session of its own."""
        jobs = _children(self.pid) if self.pid else []
        self._signal(signal.SIGKILL)
        for pid in jobs:
            _kill(pid, signal.SIGKILL)

    def collect(self, seconds: float) -> Optional[int]:
        """Its exit code once it has ended (negative: the signal that ended it), or None after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.pid:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                self.seconds_of_cpu = usage.ru_utime + usage.ru_stime
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return None

    def _signal(self, number: int) -> None:
        if self.pid:
            _kill(self.pid, number)


def _tell(pid: int, number: int) -> None:
    """Signal the main thread of a process, and no other thread of it.

    Up to 3.39, fio's helper thread gives up for good when a signal interrupts its select(), and the kernel
    may hand it any signal that is sent to the whole process. glibc has tgkill(2) since 2.30.
    """
    tgkill = getattr(ctypes.CDLL(None), "tgkill", None)
    if tgkill is None or tgkill(pid, pid, number) != 0:
        _kill(pid, number)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _children(pid: int) -> List[int]:
    """The processes that a process has forked; where the kernel does not list them, a search finds them."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        pass
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[1] == str(pid):
                    found.append(int(name))
        except OSError:
            continue
    return found


def _read(descriptor: int) -> Optional[bytes]:
    try:
        return os.read(descriptor, 1 << 18)
    except BlockingIOError:
        return None


def to_the_end(arguments: List[str], wait: Waiter, take: Callable[[bytes], None]) -> Tuple[str, int]:
    """Run it until it ends: its complaint, its exit code; `take` gets what it prints, as it comes."""
    fio = Fio(arguments)
    open_ends = {fio.stdout, fio.stderr}
    try:
        while open_ends:
            ready = wait.until(time.monotonic() + 3600, *open_ends)
            if fio.stdout in ready:
                data = fio.read()
                take(data or b"")
                if data == b"":
                    open_ends.discard(fio.stdout)
            if fio.stderr in ready and fio.listen() == b"":
                open_ends.discard(fio.stderr)
        code = fio.collect(60)
    finally:
        fio.kill()
    return fio.complaint, -1 if code is None else code
