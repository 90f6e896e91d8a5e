"""fio's json+ output, read as it comes: one JSON object after the other, each with totals since the start."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, NamedTuple

MAX_OUTPUT = 8 << 20

Bins = Dict[int, int]


class OutputError(Exception):
    """fio printed something that cannot be believed; one sentence."""


class Direction(NamedTuple):
    """Reads or writes since fio's start: bytes, and total latencies in nanoseconds ({bin: count})."""

    bytes: int
    bins: Bins


class Snapshot(NamedTuple):
    """One output of fio. `at` is when it came (CLOCK_MONOTONIC), `runtime` fio's own count of seconds,
    `errors` how many I/Os failed.
    """

    at: float
    runtime: float
    read: Direction
    write: Direction
    errors: int

    @property
    def ios(self) -> int:
        """I/Os that were completed."""
        return sum(self.read.bins.values()) + sum(self.write.bins.values())


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
            errors=_whole(job.get("total_err", 0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"fio's output has an unknown shape: {error!r:.200}.") from None


def _direction(part: Dict[str, Any]) -> Direction:
    """`lat_ns.bins` is there once an I/O has completed."""
    latency = part["lat_ns"]
    bins = {_whole(int(key)): _whole(count) for key, count in latency.get("bins", {}).items()}
    if not bins and _whole(latency.get("N", 0)):
        raise ValueError("total latencies without bins")
    return Direction(bytes=_whole(part["io_bytes"]), bins=bins)


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
