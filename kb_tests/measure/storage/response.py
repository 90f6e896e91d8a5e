"""Response times of one server's reads or writes: of all that was due, whatever became of it."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from kb_tests.fleet.storage.messages import BinnedPart, IoBlock
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage import fio
from kb_tests.measure.storage.measurement import NOTHING, Io, StorageBlock
from kb_tests.scenario.storage import StoragePoint


class Direction(Protocol):
    """One server's reads, or writes."""

    def io(self, block: IoBlock) -> Io:
        """What is known of a block; raises ValueError for what cannot be."""

    def after(self, begin: float) -> Io:
        """What is known of the time from the second `begin` of the window on, where fio made nothing more."""


def direction(name: str, share: float, point: StoragePoint) -> Direction:
    """The reads (or writes, by `name`) of one server, which are this share of the point's I/Os."""
    if not share:
        return _Unused(name)
    if point.rate:
        return _AtRate(name, share, point)
    return _Free(name, point)


class _Unused:
    """What the profile does not make; if there is any all the same, `validity` says so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def io(self, block: IoBlock) -> Io:
        part: BinnedPart = getattr(block, self._name)
        service = _service(part)
        return Io(part.ios, part.bytes, service, service)

    def after(self, begin: float) -> Io:  # noqa: ARG002
        return Io(0, 0, NOTHING, NOTHING)


class _Free:
    """A closed loop: nothing is due but what is made, so that response is service. What was under way at the
    end of the window belongs to its last block.
    """

    def __init__(self, name: str, point: StoragePoint) -> None:
        self._name = name
        self._point = point

    def io(self, block: IoBlock) -> Io:
        part: BinnedPart = getattr(block, self._name)
        bins, failed = _with_late(block, self._name)
        return Io(
            part.ios, part.bytes, _service(part), *_followed(bins, failed, block, self._name, self._point)
        )

    def after(self, begin: float) -> Io:  # noqa: ARG002
        return Io(0, 0, NOTHING, Latency(NOTHING.times, self._point.slots))


class _AtRate:
    """What a rate made due: the agent held each I/O against its time. Where it could not, since the disk
    hung, what was done in a block counts as done in time, up to what was due in it.
    """

    def __init__(self, name: str, share: float, point: StoragePoint) -> None:
        self._name = name
        self._rate = point.rate * share
        self._point = point

    def io(self, block: IoBlock) -> Io:
        part: BinnedPart = getattr(block, self._name)
        if block.due is None:
            due = self._between(block.begin, block.end)
            bins = _bins(part)
            bins = fio.without_fastest(bins, max(0, int(bins.sum()) - due))
        else:
            found = getattr(block.due, self._name)
            due, bins = found.due, fio.read(found.bins)
        done = int(bins.sum())
        if done > due:
            raise ValueError(f"{done} {self._name}s were done of {due} that were due")
        return Io(
            part.ios, part.bytes, _service(part), *_followed(bins, due - done, block, self._name, self._point)
        )

    def after(self, begin: float) -> Io:
        return Io(0, 0, NOTHING, Latency(NOTHING.times, self._between(begin, self._point.duration)))

    def _between(self, begin: float, end: float) -> int:
        latest = self._point.duration
        first, last = (math.ceil(min(at, latest) * self._rate) for at in (max(0.0, begin), end))
        return max(0, last - first)


def hung(server: str, begin: float, point: StoragePoint, read: Direction, write: Direction) -> StorageBlock:
    """The rest of the window in which a disk did nothing more."""
    return StorageBlock(
        server=server,
        at=begin,
        seconds=point.duration - begin,
        errors=0,
        read=read.after(begin),
        write=write.after(begin),
    )


def _with_late(block: IoBlock, name: str) -> tuple[fio.Bins, int]:
    """What ended in a block, or after the window if it is the last one: times, and how many failed."""
    parts: list[BinnedPart] = [getattr(block, name)]
    if block.late is not None:
        parts.append(getattr(block.late, name))
    bins = fio.empty()
    for part in parts:
        bins = bins + _bins(part)
    return bins, sum(part.failed for part in parts)


def _followed(
    bins: fio.Bins, lost: int, block: IoBlock, name: str, point: StoragePoint
) -> tuple[Latency, Latency]:
    """Response times of these reads or writes, and those of the syncs that followed them: a write is not done
    before its sync is.

    The sync of each job's last write may be of the next block, or never have been made, since the load ended;
    it counts as long as the longest of this block.
    """
    if name != "write" or not point.syncs:
        return _latency(bins, lost), NOTHING
    syncs, failed = _with_late(block, "sync")
    if not syncs.any() and not failed:
        return _latency(bins, lost), NOTHING
    known = syncs.copy()
    if syncs.any():
        expected = math.ceil(int(bins.sum()) / point.syncs)
        known[np.flatnonzero(syncs)[-1]] += max(0, min(point.numjobs, expected - int(syncs.sum()) - failed))
    bins, lost = fio.followed(bins, lost, known, failed)
    return _latency(bins, lost), _latency(syncs, failed)


def _service(part: BinnedPart) -> Latency:
    bins = _bins(part)
    if int(bins.sum()) != part.ios:
        raise ValueError(f"{part.ios} I/Os, but {int(bins.sum())} latencies")
    return _latency(bins)


def _bins(part: BinnedPart) -> fio.Bins:
    return fio.read(part.bins)


def _latency(bins: fio.Bins, lost: int = 0) -> Latency:
    return Latency(fio.histogram(bins), fio.censored(bins) + lost)
