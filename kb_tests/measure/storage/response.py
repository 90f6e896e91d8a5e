"""Response times of one server's reads or writes: of all that was due, whatever became of it."""

from __future__ import annotations

import math
from typing import Protocol

from kb_tests.fleet.storage.messages import BinnedPart, IoBlock
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage import fio
from kb_tests.measure.storage.measurement import Io, StorageBlock
from kb_tests.scenario.storage import StoragePoint

NOTHING = Latency(fio.histogram(fio.empty()))


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
        return _AtRate(name, point.rate * share, point.duration)
    return _Free(name, point.slots)


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

    def __init__(self, name: str, slots: int) -> None:
        self._name = name
        self._slots = slots

    def io(self, block: IoBlock) -> Io:
        part: BinnedPart = getattr(block, self._name)
        bins, failed = _bins(part), part.failed
        if block.late is not None:
            late: BinnedPart = getattr(block.late, self._name)
            bins, failed = bins + _bins(late), failed + late.failed
        return Io(part.ios, part.bytes, _service(part), _latency(bins, failed))

    def after(self, begin: float) -> Io:  # noqa: ARG002
        return Io(0, 0, NOTHING, Latency(NOTHING.times, self._slots))


class _AtRate:
    """What a rate made due: the agent held each I/O against its time. Where it could not, since the disk
    hung, what was done in a block counts as done in time, up to what was due in it.
    """

    def __init__(self, name: str, rate: float, duration: float) -> None:
        self._name = name
        self._rate = rate
        self._duration = duration

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
        return Io(part.ios, part.bytes, _service(part), _latency(bins, due - done))

    def after(self, begin: float) -> Io:
        return Io(0, 0, NOTHING, Latency(NOTHING.times, self._between(begin, self._duration)))

    def _between(self, begin: float, end: float) -> int:
        first, last = (math.ceil(min(at, self._duration) * self._rate) for at in (max(0.0, begin), end))
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


def _service(part: BinnedPart) -> Latency:
    bins = _bins(part)
    if int(bins.sum()) != part.ios:
        raise ValueError(f"{part.ios} I/Os, but {int(bins.sum())} latencies")
    return _latency(bins)


def _bins(part: BinnedPart) -> fio.Bins:
    return fio.read(part.bins)


def _latency(bins: fio.Bins, lost: int = 0) -> Latency:
    return Latency(fio.histogram(bins), fio.censored(bins) + lost)
