"""One fio job from its start to its report: totals at every full second of the common clock.

fio prints its totals when it gets SIGUSR1; asking at the seconds of the common start makes all servers'
seconds and blocks the same. fio answers when its jobs come round to it: during a stall that is after the
stall, so an answer may be late and a second long. Nothing is lost by that: totals are totals.
"""

from __future__ import annotations

import math
import os
import time
from typing import Any, Dict, List, Optional

from ..worker_channel import Channel
from . import fio, output, stall
from .options import Job, StorageError
from .output import Snapshot
from .wait import Waiter

_EARLY = 0.02  # seconds by which an answer may seem to come before it was asked for
_PROMPT = 0.1  # an answer within this time tells what fio's clock shows
_MOST_STALLS = 1000
_END = 5.0  # seconds that fio may take to end once told to


class Run:
    """Runs `job` on `size` bytes at `path`; fio's logs go to `folder`. All messages go to `channel`."""

    def __init__(self, job: Job, path: str, size: int, folder: str, channel: Channel, wait: Waiter) -> None:
        self._job = job
        self._folder = folder
        self._channel = channel
        self._wait = wait
        self._arguments = job.arguments(fio.program(), path, size, folder)
        self._stream = output.Stream()
        self._begin = 0.0
        self._asked: Optional[float] = None
        self._next = 0.0
        self._before: Optional[Snapshot] = None
        self._window: List[Snapshot] = []  # its first and last totals
        self._block: Optional[Snapshot] = None
        self._blocks = 0
        self._clock: List[Snapshot] = []  # the first and the last totals that came at once
        self._epoch = math.inf  # fio's own start, as its clock has it
        self._last = 0.0
        self._waited = (0.0, 0.0)  # when the window began: the time, and what fio had waited for a CPU before

    def run(self, at: float) -> None:
        """Start fio at this second of CLOCK_MONOTONIC; returns after "done" was sent.

        A disk that hangs, or whose errors fio does not outlive, is a result. Raises StorageError when fio did
        not come to the end of the window for any other reason.
        """
        self._begin = at + self._job.ramp
        end = self._begin + self._job.duration
        self._next = self._begin - math.floor(self._job.ramp) + 1
        while time.monotonic() < at:
            self._wait.until(at)
        started = time.monotonic()
        running = fio.Fio(self._arguments)
        self._waited = (started, 0.0)
        try:
            hung = not self._follow(running, end)
            running.look()
            until = time.monotonic()
            code = running.collect(0.0 if hung else _END)
        finally:
            running.kill()
        broken = not hung and not self._complete(end)
        if broken and not (self._window and running.met_an_error):
            when = max(0.0, self._last - self._begin)
            raise StorageError(
                f"fio ended after {when:.1f} of {self._job.duration:g} s:"
                f" {running.complaint or f'exit code {code}, and no word why'}."
            )
        if hung or broken:
            since = max(self._last, self._begin)
            stalls = [stall.Stall(since, max(0.0, (until if hung else end) - since))]
        else:
            stalls = self._stalls(self._window[-1].at)
        self._done(running, started, until, stalls, hung or broken)

    def _follow(self, running: fio.Fio, end: float) -> bool:
        """Read what fio prints until it has ended; False if it hangs."""
        deadline = end + self._job.drain
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
                min(deadline, now + (1.0 if self._asked or stopped else pause)), *open_ends
            )
            if running.stderr in ready and not running.listen():
                open_ends.discard(running.stderr)
            if running.stdout in ready:
                data = running.read()
                if data == b"":
                    open_ends.discard(running.stdout)
                running.look()
                for document in self._stream.feed(data or b""):
                    self._take(output.snapshot(document, time.monotonic()), end)
                    if len(self._window) == 1:
                        self._waited = (time.monotonic(), running.seconds_waiting)
            if not stopped and self._complete(end):
                stopped = True
                running.stop()
        return True

    def _complete(self, end: float) -> bool:
        return len(self._window) == 2 and self._window[1].at >= end - _EARLY

    def _take(self, now: Snapshot, end: float) -> None:
        """Report what has happened since the last totals."""
        self._last = now.at
        if self._complete(end):
            return
        if self._asked is not None and now.at - self._asked < _PROMPT and now.runtime:
            self._clock = [*self._clock[:1], now]
            self._epoch = min(self._epoch, now.at - now.runtime)
        self._asked = None
        passed = now.at - self._begin
        self._next = self._after(now.at, end)
        if self._before is not None and (passed >= _EARLY or now.at - self._before.at > 0.5):
            second = math.floor(self._before.at - self._begin + 0.5)
            self._channel.put({"second": self._body(self._before, now, second, "buckets")})
        self._before = now
        if passed < -_EARLY:
            return
        if not self._window:
            if self._epoch < math.inf and self._epoch > self._begin:
                raise StorageError("fio took longer to start than the ramp.")
            self._block = now
        self._window = [*self._window[:1], now]
        block = self._block
        full = now.at >= end - _EARLY or (block is not None and now.at - block.at > self._job.block - 0.5)
        if block is not None and block is not now and full:
            self._channel.put({"block": self._body(block, now, self._blocks, "bins")})
            self._block = now
            self._blocks += 1

    def _after(self, at: float, end: float) -> float:
        """When to ask next: at a full second that is not too near, but at both ends of the window always."""
        if at >= end - _EARLY:
            return math.inf
        soon = self._begin + math.floor(at - self._begin + 0.5) + 1
        return min(soon, self._begin if at < self._begin - _EARLY else end)

    def _body(self, old: Snapshot, new: Snapshot, index: int, times: str) -> Dict[str, Any]:
        """What happened between two totals; `times`: latencies as fio's "bins", or as coarse "buckets"."""
        body: Dict[str, Any] = {
            "index": index,
            "begin": round(old.at - self._begin, 4),
            "end": round(new.at - self._begin, 4),
            "errors": new.errors - old.errors,
        }
        for name in ("read", "write"):
            before, after = getattr(old, name), getattr(new, name)
            added = output.since(after.bins, before.bins)
            body[name] = {
                "ios": sum(added.values()),
                "bytes": after.bytes - before.bytes,
                times: [[at, added[at]] for at in sorted(added)] if times == "bins" else output.coarse(added),
            }
        return body

    def _done(
        self, running: fio.Fio, started: float, until: float, stalls: List[stall.Stall], hung: bool
    ) -> None:
        begin = self._window[0].at if self._window else self._begin
        end = self._window[-1].at if self._window else begin
        stalls = sorted(sorted(stalls, key=lambda one: -one.seconds)[:_MOST_STALLS])
        clock = 0.0
        if len(self._clock) == 2:
            first, last = self._clock
            clock = (last.runtime - first.runtime) - (last.at - first.at)
        cpus = os.cpu_count() or 1
        since, before = self._waited
        waiting = (running.seconds_waiting - before) / max(0.1, until - since)
        self._channel.put(
            {
                "done": {
                    "begin": round(begin - self._begin, 4),
                    "end": round(end - self._begin, 4),
                    "blocks": self._blocks,
                    "stalls": [[round(one.at - self._begin, 4), round(one.seconds, 4)] for one in stalls],
                    "stall_error": self._job.log_window / 1000,
                    "hung": hung,
                    "clock": round(clock, 4),
                    "cpu": round(
                        running.seconds_of_cpu / (until - started) / min(self._job.numjobs, cpus), 4
                    ),
                    "waiting": round(waiting / self._job.numjobs, 4),
                    "complaint": running.complaint,
                }
            }
        )

    def _stalls(self, end: float) -> List[stall.Stall]:
        """Those between the common start and a moment of CLOCK_MONOTONIC, which theirs are too.

        Those too short to be told from a gap between two I/Os are left out.
        """
        begin, shortest = self._begin, 3 * self._job.log_window / 1000
        if self._job.rate:
            shortest = max(shortest, 2 / self._job.rate)
        if self._epoch == math.inf:
            return [stall.Stall(begin, end - begin)]
        path = os.path.join(self._folder, "fio_lat.log")
        try:
            with open(path, encoding="ascii") as log:
                found = stall.find(log, begin - self._epoch, end - self._epoch, shortest)
        except (OSError, ValueError) as error:
            raise StorageError(f"fio's latency log cannot be read: {error}.") from error
        return [stall.Stall(one.at + self._epoch, one.seconds) for one in found]
