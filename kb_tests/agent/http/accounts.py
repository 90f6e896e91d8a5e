"""What one worker has to report: seconds as they pass, blocks once all their requests have ended."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from random import Random
from typing import Any, Callable

from .. import histogram
from .load import NEVER, Load, Schedule
from .tally import Block, Links, Second

_SHORTEST = 0.1  # seconds over which it can be told how busy a worker was
_LATEST = 0.5  # seconds after which something is told at the latest


class Accounts:
    """`block` is the one that falls due now, `second` the one that passes now.

    `lag` holds how late the worker took notice of requests that were due, as `histogram` counts; `idle` is
    how many seconds it waited for something to do; `tls` the version and cipher suite of TLS, "" without.
    `connections` is how many the load asks this worker for. Workers of one `seed` tell together.
    """

    def __init__(
        self, load: Load, connections: int, put: Callable[[dict[str, Any]], None], seed: int = 0
    ) -> None:
        self._load = load
        self._asked = connections
        self._put = put
        self._links = Links()
        self._links_begin = self._links_end = self._links.all()  # around the window
        self._least = connections
        self._past: list[Block] = []
        self._told: list[dict[str, Any]] = []
        self._tell_at = 0.0
        self._draw = Random(seed + 1).random  # noqa: S311 - no secret, and not what the schedule draws
        self._schedule = NEVER
        self._due = 0
        self._used_begin = self._used_end = (0.0, 0.0, 0.0)  # (clock, CPU time, idle) around the window
        self._busy = (0.0, 0.0, 0.0)  # the same where the last second was ended
        self._share = 0.0
        self._skew = 0.0
        self.block = Block(-1, -math.inf, math.inf)
        self.second = Second(0, math.inf, 0)
        self.lag: defaultdict[int, int] = defaultdict(int)
        self.idle = 0.0
        self.saturated = False
        self.tls = ""

    def open(self, schedule: Schedule, at: float, now: float) -> None:
        """Begin with the load, which was to start at `at`."""
        self._skew = max(0.0, now - at)
        self._schedule = schedule
        self._used_begin = self._busy = (now, time.process_time(), self.idle)
        self.block = Block(-1, -math.inf, schedule.begin)
        index = -math.ceil(self._load.warm_up - 1e-6)
        self._links_begin = self._links.all()
        self.second = Second(index, schedule.begin + index + 1, self._links.open)

    def use(self, now: float) -> None:
        """Note the CPU time used so far; to be called all the time."""
        if now < self._schedule.begin:
            self._used_begin = (now, time.process_time(), self.idle)
            self._links_begin = self._links.all()
        elif self._used_end[0] < self._schedule.end:
            self._used_end = (now, time.process_time(), self.idle)
            self._links_end = self._links.all()

    def next_block(self, due: float) -> Block:
        """Move on to the block in which `due` lies, or to the last one."""
        begin, end = self._schedule.begin, self._schedule.end
        size = self._load.block
        last = math.ceil(self._load.duration / size - 1e-6) - 1
        while due >= self.block.end and self.block.index < last:
            if self.block.index >= 0:
                self._past.append(self.block)
            i = self.block.index + 1
            self.block = Block(i, begin + i * size, end if i == last else begin + (i + 1) * size)
        return self.block

    def second_at(self, now: float) -> Second:
        """The second in which `now` lies; those that have passed by then are reported."""
        while now >= self.second.end:
            self._end_second(now)
        return self.second

    def fail(self, block: Block, key: str, now: float) -> None:
        """Count a request of `block` that failed `now`."""
        block.errors[key] += 1
        self.second_at(now).errors[key] += 1

    def respond(self, block: Block, seconds: float, now: float) -> None:
        """Record the response time of a request that ended `now` without its response."""
        self.saturated |= histogram.record(block.response, seconds)
        histogram.record(self.second_at(now).response, seconds)

    def opened(self) -> None:
        """A connection was opened that is to be kept."""
        self._links.open += 1
        self._links.opened += 1

    def closed(self, now: float) -> None:
        """One that is kept was closed."""
        second = self.second_at(now)
        self._links.open -= 1
        second.open = min(second.open, self._links.open)

    def refused(self, ours: bool) -> None:
        """One could not be opened: it was refused or timed out, or (`ours`) no local port was left."""
        if ours:
            self._links.unavailable += 1
        else:
            self._links.refused += 1

    def tell(self, now: float) -> None:
        """Report seconds that have passed and blocks all of whose requests have ended, each a while later, by
        chance: agents that told all at once would be a load of their own, once a second. The workers of one
        agent, which waits for the last of them, do it together.
        """
        if now < self._tell_at:
            return
        told, self._told = self._told, []
        for message in told:
            self._put(message)
        for block in [block for block in self._past if not block.pending()]:
            self._past.remove(block)
            self._put(block.message(self._schedule.begin))

    def close(self) -> None:
        """Report all that is left, and the end."""
        self._past.append(self.next_block(math.inf))
        self._end_second(self.second.end)
        self.tell(math.inf)
        for block in self._past:
            self._put(block.message(self._schedule.begin))
        (begin, cpu_begin, idle_begin), (end, cpu_end, idle_end) = self._used_begin, self._used_end
        busy = max(cpu_end - cpu_begin, (end - begin) - (idle_end - idle_begin))
        self._put(
            {
                "done": True,
                "lag": histogram.flat(self.lag),
                # A quota or a neighbour may keep the CPU time of a worker that is never idle low.
                "cpu": busy / (end - begin),
                "skew": self._skew,
                "saturated": self.saturated,
                "tls": self.tls,
                "connections": self._connections(),
            }
        )

    def _connections(self) -> dict[str, int]:
        """Those of the measured window."""
        open_, *before = self._links_begin
        opened, refused, unavailable = (
            max(0, b - a)
            for a, b in zip(before, self._links_end[1:])  # noqa: B905 - Python 3.9 has no strict
        )
        return {
            "asked": self._asked,
            "open": open_,
            "least": min(open_, self._least),
            "reopened": opened,
            "refused": refused,
            "unavailable": unavailable,
        }

    def _busy_until(self, now: float) -> float:
        """The share of the time since the last call in which the worker was busy, as of the whole window."""
        since, used, idle = self._busy
        passed = now - since
        if passed >= _SHORTEST:
            self._busy = (now, time.process_time(), self.idle)
            self._share = max(self._busy[1] - used, passed - (self.idle - idle)) / passed
        return self._share

    def _end_second(self, now: float) -> None:
        second = self.second
        if self._schedule.interval:  # known by the clock, whether or not the worker has looked
            due = self._schedule.before(min(second.end, self._schedule.end))
            second.due, self._due = due - self._due, due
        if second.index >= 0 and second.end - 1 < self._schedule.end:
            self._least = min(self._least, second.open)
        second.cpu = self._busy_until(now)
        self._told.append(second.message(self._load.limits, self._load.timeout))
        self._tell_at = second.end + _LATEST * self._draw()
        self.second = Second(second.index + 1, second.end + 1, self._links.open)
