"""What is told of a fio job while it runs: its seconds, and the time blocks of its measured window."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import bins, output
from .effort import Share
from .options import Job
from .output import Snapshot

EARLY = 0.02
"""Seconds by which totals may seem to come before they were asked for."""

Put = Callable[[Dict[str, Any]], None]


class Window:
    """Differences of fio's totals, told by `put`. The window begins at `begin` (CLOCK_MONOTONIC).

    `first` and `last` are the totals at its two ends, as far as it has come.
    """

    def __init__(self, job: Job, begin: float, put: Put) -> None:
        self.begin = begin
        self.end = begin + job.duration
        self.first: Optional[Snapshot] = None
        self.last: Optional[Snapshot] = None
        self.ends: List[float] = []
        """Where each block ended, in seconds of the window."""
        self._job = job
        self._put = put
        self._before: Optional[Snapshot] = None
        self._block: Optional[Snapshot] = None

    @property
    def complete(self) -> bool:
        """Whether the totals at its end have come."""
        return self.last is not None and self.last is not self.first and self.last.at >= self.end - EARLY

    def take(self, now: Snapshot, share: Optional[Share] = None) -> None:
        """Tell what has happened since the last totals; `share` is what fio had of the CPUs since."""
        passed = now.at - self.begin
        before, self._before = self._before, now
        index = self._index(before, now) if before is not None else None
        if before is not None and index is not None:
            body = self._body(before, now, index, "buckets")
            if share is not None:
                body["lag"] = round(share.waited, 6)
                body["cpu"] = round(share.ran / max(0.1, now.at - before.at), 3)
            self._put({"second": body})
        if passed < -EARLY:
            return
        self.first, self.last = self.first or now, now
        block = self._block = self._block or now
        full = now.at >= self.end - EARLY or now.at - block.at > self._job.block - 0.5
        if block is not now and full:
            self._put({"block": self._body(block, now, len(self.ends), "bins")})
            self._block = now
            self.ends.append(now.at - self.begin)

    def late(self, final: Snapshot) -> Dict[str, Any]:
        """What was still under way at the end of the window, and was completed or failed afterwards."""
        return {name: self._part(name, self.last or final, final, "bins") for name in output.DIRECTIONS}

    def _index(self, old: Snapshot, new: Snapshot) -> Optional[int]:
        """Which second two totals are the ends of; None for what a late answer leaves of the ramp: it is no
        second, least of all the window's first.
        """
        index = math.floor(old.at - self.begin + 0.5)
        if old.at >= self.begin - EARLY:
            return index if new.at >= self.begin + EARLY else None
        return index if index < 0 and new.at - old.at > 0.5 else None

    def _body(self, old: Snapshot, new: Snapshot, index: int, times: str) -> Dict[str, Any]:
        body: Dict[str, Any] = {
            "index": index,
            "begin": round(old.at - self.begin, 4),
            "end": round(new.at - self.begin, 4),
            "errors": new.errors - old.errors,
        }
        for name in output.DIRECTIONS if times == "bins" else ("read", "write"):
            body[name] = self._part(name, old, new, times)
        if times == "buckets":
            for name, limits in zip(("read", "write"), self._job.limits):  # noqa: B905 - Python 3.9
                body[name]["slower"] = self._slower(name, old, new, limits)
        return body

    @staticmethod
    def _slower(name: str, old: Snapshot, new: Snapshot, limits: Tuple[float, ...]) -> List[int]:
        """How many took longer than each limit, or failed; a bin's times are its middle."""
        before, after = getattr(old, name), getattr(new, name)
        added = output.since(after.bins, before.bins)
        failed = max(0, after.failed - before.failed)
        return [failed + sum(n for at, n in added.items() if at > limit * 1e9) for limit in limits]

    @staticmethod
    def _part(name: str, old: Snapshot, new: Snapshot, times: str) -> Dict[str, Any]:
        """What happened between two totals; `times`: latencies as fio's "bins", or as coarse "buckets"."""
        before, after = getattr(old, name), getattr(new, name)
        added = output.since(after.bins, before.bins)
        part = {
            "ios": sum(added.values()),
            "bytes": after.bytes - before.bytes,
            times: bins.pairs(added) if times == "bins" else output.coarse(added),
        }
        return {**part, "failed": after.failed - before.failed} if times == "bins" else part
