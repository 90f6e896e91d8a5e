"""One fio job from its start to its report: totals at every full second of the common clock.

fio prints its totals when it gets SIGUSR1; asking at the seconds of the common start makes all servers'
seconds and blocks the same. fio answers when its jobs come round to it: during a stall that is after the
stall, so an answer may be late and a second long. Nothing is lost by that: totals are totals.

What was under way when the window ended is waited for. At a rate, what was due in the window and was not made
yet may still be made for a moment.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from typing import Iterator, List, Optional, TextIO, Tuple

from ..worker_channel import Channel
from . import bins, due, fio, output, stall, verify
from .backlog import Backlog
from .effort import Effort
from .options import Job, StorageError
from .output import Snapshot
from .wait import Waiter
from .window import EARLY, Window

TAIL = 2.0
"""Seconds after the window in which what was due in it may still be made."""

_PROMPT = 0.1  # an answer within this time tells what fio's clock shows
_OFTEN = 0.1
_MOST_STALLS = 1000
_END = 15.0  # seconds that fio may take to write its log and to end, once its I/Os have
_HELD_UP = 1.0


class Run:
    """Runs `job` on `size` bytes at `path`; fio's logs go to `folder`. All messages go to `channel`.

    `header_at` is the place in a block at which a job that is verified has its header.
    """

    def __init__(
        self,
        job: Job,
        path: str,
        size: int,
        folder: str,
        channel: Channel,
        wait: Waiter,
        header_at: int = verify.ROOM,
    ) -> None:
        self._job = job
        self._path = path
        self._header_at = header_at
        self._folder = folder
        self._channel = channel
        self._wait = wait
        more = verify.options(header_at) if job.verify else {}
        self._arguments = job.arguments(fio.program(), path, size, folder, more)
        self._stream = output.Stream()
        self._failures = output.Failures()
        self._asked: Optional[float] = None
        self._next = self._second = self._started = 0.0
        self._window = Window(job, 0.0, channel.put)
        self._backlog = Backlog((0.0, 0.0), self._window, self._tell_due)
        self._latest: Optional[Snapshot] = None
        self._final: Optional[Snapshot] = None
        self._failed: List[Tuple[float, Tuple[int, int]]] = []  # when reads and writes had failed
        self._clock: List[Snapshot] = []  # the first and the last totals that came at once
        self._epoch = math.inf  # fio's own start, as its clock has it
        self._waited = (0.0, 0.0)  # when the window began: the time, and what fio had waited for a CPU before

    def run(self, at: float) -> None:
        """Run fio so that its ramp begins at this second of CLOCK_MONOTONIC; returns after "done" was sent.

        It is started at once: it takes a moment to begin, and the longer the busier the server is. A disk
        that hangs, or whose errors fio does not outlive, is a result. Raises StorageError when fio did not
        come to the end of the window for any other reason.
        """
        window = self._window = Window(self._job, at + self._job.ramp, self._channel.put)
        self._next = self._second = window.begin - math.floor(self._job.ramp) + 1
        self._backlog = Backlog(
            (self._job.rate * self._job.reads, self._job.rate * (1 - self._job.reads)), window, self._tell_due
        )
        started = self._started = time.monotonic()
        running = fio.Fio(self._arguments)
        self._waited = (started, 0.0)
        try:
            hung = not self._follow(running)
            running.look()
            until = time.monotonic()
            code = running.collect(0.0 if hung else _END)
        finally:
            running.kill()
        broken = not hung and not window.complete
        if broken and not (window.first and running.met_an_error):
            when = max(0.0, self._last - window.begin)
            raise StorageError(
                f"fio ended after {when:.1f} of {self._job.duration:g} s:"
                f" {running.complaint or f'exit code {code}, and no word why'}."
            )
        if hung or broken:
            since = max(self._last, window.begin)
            stalls = [stall.Stall(since, max(0.0, (until if hung else window.end) - since))]
        else:
            if self._final is None:
                raise StorageError(
                    f"fio ended without its last totals: {running.complaint or 'no word why'}."
                )
            self._check_ramp()
            stalls = self._stalls()
            self._account()
        verified = self._read_back() if self._job.verify and not (hung or broken) else None
        self._done(running, started, until, stalls, hung or broken, verified)

    @property
    def _last(self) -> float:
        return self._latest.at if self._latest is not None else 0.0

    def _follow(self, running: fio.Fio) -> bool:
        """Read what fio prints until it has ended; False if it hangs."""
        deadline = self._window.end + self._job.drain
        open_ends = {running.stdout, running.stderr}
        stopped = False
        while running.stdout in open_ends:
            now = time.monotonic()
            if now > deadline:
                return False
            if self._asked is None and not stopped and now >= self._next and running.ask():
                self._asked = now
            pause = 0.02 if self._asked is None and now >= self._next else self._next - now
            ready = self._wait.until(
                min(deadline, now + (_HELD_UP if self._asked or stopped else pause)), *open_ends
            )
            data = running.read() if running.stdout in ready else None
            if running.stderr in open_ends:  # what it says comes before what it counts
                said = running.listen()
                self._failures.listen(said or b"")
                if said == b"":
                    open_ends.discard(running.stderr)
            if data is not None:
                if data == b"":
                    open_ends.discard(running.stdout)
                running.look()
                for document in self._stream.feed(data):
                    totals = self._failures.part(output.snapshot(document, time.monotonic()))
                    self._take(totals, running.effort)
                    self._final = totals if stopped else None
                    if self._window.first is self._window.last is not None:
                        self._waited = (time.monotonic(), running.effort.waited)
            if not stopped and self._window.complete and self._made_up():
                stopped = True
                running.stop()
        return True

    def _take(self, now: Snapshot, effort: Effort) -> None:
        """Tell what has happened since the last totals, and think of when to ask next."""
        window, old, self._latest = self._window, self._latest, now
        if self._asked is not None and now.at - self._asked < _PROMPT and now.runtime:
            if not window.complete:
                self._clock = [*self._clock[:1], now]
            self._epoch = min(self._epoch, now.at - now.runtime)
        self._asked = None
        if now.errors:
            if old is not None and not self._failed:
                self._failed.append((old.at, (0, 0)))
            self._failed.append((now.at, (now.read.failed, now.write.failed)))
        if not window.complete and now.at >= self._second - EARLY:
            window.take(now, effort.since())
            if window.first is now:
                self._check_ramp()
        if self._often and old is not None:
            self._backlog.take(old, now, self._began)
        self._second = self._after(now.at)
        self._next = min(self._second, now.at + _OFTEN) if self._often or window.complete else self._second

    def _check_ramp(self) -> None:
        if math.inf > self._epoch > self._window.begin:
            raise StorageError("fio took longer to start than the ramp.")

    @property
    def _often(self) -> bool:
        return self._job.rate > 0 and not self._job.logged

    @property
    def _began(self) -> float:
        """When fio began, by CLOCK_MONOTONIC."""
        return self._epoch if math.isfinite(self._epoch) else self._started

    def _after(self, at: float) -> float:
        """When the next second ends: one that is not too near, but both ends of the window always."""
        window = self._window
        if at >= window.end - EARLY:
            return math.inf
        soon = window.begin + math.floor(at - window.begin + 0.5) + 1
        return min(soon, window.begin if at < window.begin - EARLY else window.end)

    def _made_up(self) -> bool:
        """Whether what was due in the window has been made, as far as that is waited for."""
        now = self._latest
        if now is None or time.monotonic() > self._window.end + TAIL:
            return True
        passed, (read, write) = self._window.end - self._began, self._job.steps
        return all(
            part.ios + part.failed >= math.ceil(passed / step) * self._job.numjobs
            for part, step in ((now.read, read), (now.write, write))
            if step
        )

    def _account(self) -> None:
        """Tell what was due in each block."""
        if not self._job.logged:
            self._backlog.end()
            return
        window, began = self._window, self._began
        edges = [0.0, *(min(end, self._job.duration) for end in window.ends[:-1]), self._job.duration]
        failures = [(at - began, counts) for at, counts in self._failed]
        made = (self._final.read.ios, self._final.write.ios) if self._final is not None else None
        try:
            found = due.account(self._logs(), self._job.steps, window.begin - began, edges, failures, made)
        except (OSError, ValueError) as error:
            raise StorageError(f"fio's latency log cannot be read: {error}.") from error
        for index, parts in enumerate(found):
            self._tell_due(index, parts)

    def _tell_due(self, index: int, parts: Tuple[due.Due, due.Due]) -> None:
        read, write = ({"due": part.due, "bins": bins.pairs(part.bins)} for part in parts)
        self._channel.put({"due": {"index": index, "read": read, "write": write}})

    def _logs(self) -> Iterator[TextIO]:
        """The log of each job."""
        for number in range(1, self._job.numjobs + 1):
            with open(os.path.join(self._folder, f"fio_lat.{number}.log"), encoding="ascii") as log:
                yield log

    def _read_back(self) -> verify.Found:
        """What became of all that was written."""
        try:
            blocks = verify.acknowledged(self._logs(), self._failures.writes)
        except (OSError, ValueError) as error:
            raise StorageError(f"fio's latency log cannot be read: {error}.") from error
        began = time.monotonic()

        def tell(read: int, of: int) -> None:
            seconds = round(time.monotonic() - began, 4)
            self._channel.put({"verifying": {"read": read, "of": of, "seconds": seconds}})

        reader = verify.Reader(self._path, self._job.block_size, self._header_at, blocks)
        return reader.read(self._job.verify, self._job.drain, self._wait, tell)

    def _stalls(self) -> List[stall.Stall]:
        """Those between the common start and the end of the window.

        Those too short to be told from a gap between two I/Os are left out.
        """
        window = self._window
        begin, end = window.begin, window.last.at if window.last else window.end
        shortest = 0.03 if self._job.logged else 3 * self._job.log_window / 1000
        if self._job.rate:
            shortest = max(shortest, 2 / self._job.rate)
        if self._epoch == math.inf:
            return [stall.Stall(begin, end - begin)]
        lines = itertools.chain.from_iterable(self._logs())
        try:
            found = stall.find(lines, begin - self._epoch, end - self._epoch, shortest)
        except (OSError, ValueError) as error:
            raise StorageError(f"fio's latency log cannot be read: {error}.") from error
        return [stall.Stall(one.at + self._epoch, one.seconds) for one in found]

    def _done(
        self,
        running: fio.Fio,
        started: float,
        until: float,
        stalls: List[stall.Stall],
        hung: bool,
        verified: Optional[verify.Found],
    ) -> None:
        window = self._window
        begin = window.first.at if window.first else window.begin
        end = window.last.at if window.last else begin
        stalls = sorted(sorted(stalls, key=lambda one: -one.seconds)[:_MOST_STALLS])
        clock = 0.0
        if len(self._clock) == 2:
            first, last = self._clock
            clock = (last.runtime - first.runtime) - (last.at - first.at)
        cpus = os.cpu_count() or 1
        since, before = self._waited
        waiting = (running.effort.waited - before) / max(0.1, until - since)
        done = {
            "begin": round(begin - window.begin, 4),
            "end": round(end - window.begin, 4),
            "blocks": len(window.ends),
            "stalls": [[round(one.at - window.begin, 4), round(one.seconds, 4)] for one in stalls],
            "stall_error": self._job.log_window / 1000,
            "hung": hung,
            "clock": round(clock, 4),
            "cpu": round(running.seconds_of_cpu / (until - started) / min(self._job.numjobs, cpus), 4),
            "waiting": round(waiting / self._job.numjobs, 4),
            "complaint": running.complaint,
        }
        if self._final is not None:
            done["late"] = window.late(self._final)
            done["whole"] = {
                name: {"ios": part.ios, "bytes": part.bytes}
                for name, part in (("read", self._final.read), ("write", self._final.write))
            }
        if verified is not None:
            done["verified"] = verify.wire(verified)
        self._channel.put({"done": done})
