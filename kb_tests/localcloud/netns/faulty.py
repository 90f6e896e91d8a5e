"""A volume that can do wrong: a process through which all its reads and writes pass.

No kernel module is at hand for that everywhere, so the file below the volume's loop device is one of FUSE's,
and this process is its file system. It answers from the volume's true file, and late, falsely or not at all
as it is told. It ends when its helper does, or when nobody has the file open any more.
"""

from __future__ import annotations

import errno
import heapq
import json
import os
import random
import select
import signal
import stat
import time
from contextlib import suppress

from kb_tests.localcloud.netns import fuse, linux

# ruff: noqa: PTH107 - as in the other modules of the helper

_LONGEST_WORD = 4096


class Wrongs:
    """As `driver.VolumeFaults`, which the helper does without."""

    __slots__ = ("changed", "failed", "latency", "lost", "sync")

    def __init__(
        self,
        latency: float = 0.0,
        sync: float = 0.0,
        lost: float = 0.0,
        changed: float = 0.0,
        failed: float = 0.0,
    ) -> None:
        self.latency = latency
        self.sync = sync
        self.lost = lost
        self.changed = changed
        self.failed = failed


class FaultyFile:
    """The helper's end: `file` is the descriptor through which the volume is seen."""

    def __init__(self, place: str, volume: int) -> None:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            self._mount(place, volume)
            try:
                self.file = os.open(place, os.O_RDWR | os.O_CLOEXEC)
            finally:
                linux.unmount(place, linux.MNT_DETACH)
        except OSError:
            self.close()
            raise
        finally:
            with suppress(OSError):
                os.remove(place)

    def _mount(self, place: str, volume: int) -> None:
        """Mount the file system, and then have it served: before, there is nothing to read but an error.

        The device stays open in its process alone, whose death ends every wait for an answer.
        """
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        try:
            options = f"fd={device},rootmode={stat.S_IFREG:o},user_id=0,group_id=0"
            linux.mount("kb", place, "fuse", linux.MS_NOSUID | linux.MS_NODEV, options)
            read, self._control = os.pipe2(os.O_CLOEXEC)
            self.pid = os.fork()
            if self.pid == 0:
                _serve(device, volume, read)
            os.close(read)
        finally:
            os.close(device)

    def tell(self, wrongs: dict[str, float]) -> None:
        """Let this go wrong from now on, and nothing else."""
        os.write(self._control, json.dumps(wrongs).encode())

    def close(self) -> None:
        """End it, whoever has it open."""
        with suppress(AttributeError, OSError):
            os.close(self._control)
        with suppress(AttributeError, OSError):
            os.close(self.file)


def _serve(device: int, volume: int, control: int) -> None:
    """Be the process; never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for place, fd in enumerate((device, volume, control)):
            os.dup2(fd, 1000 + place)
        for place in range(3):
            os.dup2(1000 + place, 3 + place)
        os.closerange(6, 1 << 20)
        linux.be_punctual()
        _Server(3, 4, 5).serve()
    finally:
        os._exit(0)


class _Server:
    """Answers requests, in the order in which their answers are due."""

    def __init__(self, device: int, volume: int, control: int) -> None:
        self._device = device
        self._volume = volume
        self._control = control
        self._wrongs = Wrongs()
        self._due: list[tuple[float, int, bytes]] = []
        self._buffer = bytearray(fuse.REQUEST_BUFFER)
        self._random = random.Random()  # noqa: S311 - chance, no secret
        os.set_blocking(device, False)

    def serve(self) -> None:
        """Until the file system is gone, or the helper."""
        while True:
            wait = self._answer_due()
            readable, _, _ = select.select([self._device, self._control], [], [], wait)
            if self._control in readable:
                told = os.read(self._control, _LONGEST_WORD)
                if not told:
                    return
                self._wrongs = Wrongs(**json.loads(told))
            if self._device in readable and not self._take():
                return

    def _take(self) -> bool:
        """Take requests that are there; False when there will be none any more."""
        while True:
            try:
                size = os.readv(self._device, [self._buffer])
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR):  # a request that was interrupted
                    continue
                return False
            with memoryview(self._buffer)[:size] as raw:
                request = fuse.Request(raw)
                if request.operation not in fuse.UNANSWERED:
                    late, answer = self._answer(request)
                    if late > 0:
                        heapq.heappush(self._due, (time.monotonic() + late, request.unique, answer))
                    else:
                        self._send(answer)
                request.body.release()

    def _answer_due(self) -> float | None:
        while self._due:
            left = self._due[0][0] - time.monotonic()
            if left > 0:
                return left
            self._send(heapq.heappop(self._due)[2])
        return None

    def _send(self, answer: bytes) -> None:
        with suppress(OSError):  # whoever asked is gone
            os.write(self._device, answer)

    def _answer(self, request: fuse.Request) -> tuple[float, bytes]:
        """By how much the answer is late, and the answer."""
        wrongs = self._wrongs
        try:
            if request.operation == fuse.FSYNC:
                os.fsync(self._volume)
                return wrongs.sync, fuse.answer(request.unique)
            if request.operation not in (fuse.READ, fuse.WRITE):
                return 0, fuse.simple(request, self._volume)
            if self._by_chance(wrongs.failed):
                return wrongs.latency, fuse.answer(request.unique, error=errno.EIO)
            offset, size = request.place()
            if request.operation == fuse.READ:
                body = os.pread(self._volume, size, offset)
            else:
                body = self._write(request, offset, size)
            return wrongs.latency, fuse.answer(request.unique, body)
        except OSError as error:
            return 0, fuse.answer(request.unique, error=error.errno or errno.EIO)

    def _write(self, request: fuse.Request, offset: int, size: int) -> bytes:
        with request.data()[:size] as data:
            if self._by_chance(self._wrongs.changed):
                data[self._random.randrange(size)] ^= 0x55
            if not self._by_chance(self._wrongs.lost):
                os.pwrite(self._volume, data, offset)
        return fuse.written(size)

    def _by_chance(self, share: float) -> bool:
        return share > 0 and self._random.random() < share
