"""fio's json+ output, read as it comes: one JSON object after the other, each with totals since the start."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Dict, List, NamedTuple, Set

from .bins import Bins

MAX_OUTPUT = 8 << 20
_LONGEST_LINE = 4096
_FAILED = re.compile(rb"io_u error.*: (read|write) offset=(\d+), buflen=\d+")


class OutputError(Exception):
    """fio printed something that cannot be believed; one sentence."""


class Direction(NamedTuple):
    """Reads or writes since fio's start: bytes, total latencies in nanoseconds, and how many failed."""

    bytes: int
    bins: Bins
    failed: int = 0

    @property
    def ios(self) -> int:
        """Those that were completed."""
        return sum(self.bins.values())


class Snapshot(NamedTuple):
    """One output of fio. `at` is when it came (CLOCK_MONOTONIC), `runtime` fio's own count of seconds,
    `errors` how many I/Os failed; `sync` are fsync, fdatasync and the like, which have no bytes.
    """

    at: float
    runtime: float
    read: Direction
    write: Direction
    sync: Direction
    errors: int

    @property
    def ios(self) -> int:
        """Reads and writes that were completed."""
        return self.read.ios + self.write.ios


DIRECTIONS = ("read", "write", "sync")


class Failures:
    """Which I/Os failed: fio counts them all, and says of reads and writes, one line each, which it was.

    What it says comes before it counts. What is counted and was not told of was a sync.
    """

    def __init__(self) -> None:
        self.writes: Set[int] = set()
        """At which offsets one failed."""
        self._told = {"read": 0, "write": 0}
        self._counts = {"read": 0, "write": 0, "sync": 0}
        self._rest = b""

    def listen(self, said: bytes) -> None:
        """Read what fio has complained of."""
        lines = (self._rest + said).split(b"\n")
        self._rest = lines.pop()[-_LONGEST_LINE:]
        for line in lines:
            found = _FAILED.search(line)
            if found:
                self._told[found[1].decode()] += 1
                if found[1] == b"write":
                    self.writes.add(int(found[2]))

    def part(self, now: Snapshot) -> Snapshot:
        """`now` with its failures by direction."""
        new = now.errors - sum(self._counts.values())
        for name in ("read", "write"):
            share = max(0, min(new, self._told[name] - self._counts[name]))
            self._counts[name] += share
            new -= share
        self._counts["sync"] += max(0, new)
        return now._replace(
            **{name: getattr(now, name)._replace(failed=self._counts[name]) for name in DIRECTIONS}
        )


class Stream:
    """Cuts fio's standard output into JSON objects; lines between them are left out."""

    def __init__(self) -> None:
        self._text = ""
        self._decoder = json.JSONDecoder()

    def feed(self, data: bytes) -> List[Dict[str, Any]]:
        """The objects that are complete now; raises OutputError."""
        self._text += data.decode("utf-8", "replace")
        if len(self._text) > MAX_OUTPUT:
            raise OutputError("fio printed more than can be understood.")
        found: List[Dict[str, Any]] = []
        while "\n}" in self._text:  # inside an object, braces are indented
            begin = 0 if self._text.startswith("{") else self._text.find("\n{") + 1
            if not begin and not self._text.startswith("{"):
                break
            try:
                document, end = self._decoder.raw_decode(self._text, begin)
            except (ValueError, RecursionError):
                break
            found.append(document)
            self._text = self._text[end:]
        return found


def snapshot(document: Dict[str, Any], at: float) -> Snapshot:
    """Read one output; raises OutputError where it is not what fio prints for our one group of jobs."""
    try:
        (job,) = document["jobs"]
        read, write = job["read"], job["write"]
        return Snapshot(
            at=at,
            runtime=max(_whole(read["runtime"]), _whole(write["runtime"])) / 1000,
            read=_direction(read),
            write=_direction(write),
            sync=Direction(0, _bins(job["sync"])),
            errors=_whole(job.get("total_err", 0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"fio's output has an unknown shape: {error!r:.200}.") from None


def _direction(part: Dict[str, Any]) -> Direction:
    return Direction(bytes=_whole(part["io_bytes"]), bins=_bins(part))


def _bins(part: Dict[str, Any]) -> Bins:
    """`lat_ns.bins` is there once an I/O has completed; those of `clat_ns` where fio was asked for syncs."""
    latency = part["lat_ns"]
    found = latency.get("bins") or part.get("clat_ns", {}).get("bins") or {}
    bins = {_whole(int(key)): _whole(count) for key, count in found.items()}
    if not bins and _whole(latency.get("N", 0)):
        raise ValueError("total latencies without bins")
    return bins


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise ValueError(f"{value!r} is no count")
    return value


def since(new: Bins, old: Bins) -> Bins:
    """What has been added to the bins; raises OutputError if something went away."""
    added = {at: count - old.get(at, 0) for at, count in new.items() if count != old.get(at, 0)}
    if any(count < 0 for count in added.values()) or not old.keys() <= new.keys():
        raise OutputError("fio's counts went backwards.")
    return added


def coarse(bins: Bins) -> List[List[int]]:
    """`[[i, n], ...]`: bucket i holds times in [2**(i/4), 2**((i+1)/4)) microseconds, 0 also shorter ones."""
    buckets: Dict[int, int] = {}
    for at, count in bins.items():
        i = max(0, int(4 * math.log2(max(at, 1) / 1000)))
        buckets[i] = buckets.get(i, 0) + count
    return [[i, buckets[i]] for i in sorted(buckets)]
