"""All servers' reports of one fio profile become one StorageMeasurement, without loss."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kb_tests.fleet.storage.messages import BinnedPart, IoDone, IoSecond, StorageReport
from kb_tests.measure.coarse import bucket_percentile
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage import fio
from kb_tests.measure.storage.measurement import (
    Io,
    IoRate,
    StorageBlock,
    StorageMeasurement,
    StorageSecond,
    StorageServer,
)
from kb_tests.measure.whole import TOUCHING, sort_out, unfinished
from kb_tests.scenario.storage import StoragePoint

EDGE = 0.25
"""Seconds by which a server's window may miss the common one, stalls aside: fio answers between two I/Os."""

_LONGEST = 172_800


def measure(point: StoragePoint, reports: Sequence[StorageReport]) -> StorageMeasurement:
    """Merge `reports`, one of each server that took part.

    A server whose report is not whole (see `flaw`) is `missing`: its blocks are left out, its seconds are
    kept in the series, so that a chart shows when it went away. `validity` then refuses the point.
    """
    whole, missing = sort_out(reports, point.clients, "server", lambda report: _whole(point, report))
    servers = tuple(part.server for part in whole)
    return StorageMeasurement(
        point_id=point.id,
        duration=point.duration,
        offered=IoRate(point.offered * point.reads, point.offered * (1 - point.reads)),
        iops=_added(server.iops for server in servers),
        bandwidth=_added(server.bandwidth for server in servers),
        read=Io.merged(tuple(server.read for server in servers)),
        write=Io.merged(tuple(server.write for server in servers)),
        errors=sum(server.errors for server in servers),
        seconds=merge_seconds(second for report in reports for second in report.seconds),
        blocks=tuple(block for part in whole for block in part.blocks),
        servers=servers,
        missing=missing,
    )


def flaw(point: StoragePoint, report: StorageReport) -> str:
    """Why `report` is not whole, in one sentence; empty if it is.

    Whole means: the final report came; the blocks cover the server's window without gap or overlap, and
    that window is the measured one, as far as a stall does not explain it otherwise.
    """
    done, why = report.done, unfinished(report)
    if why or done is None:
        return why
    if len(report.blocks) != done.blocks:
        return f"{done.blocks} time blocks were made, {len(report.blocks)} came"
    end = done.begin
    for block in sorted(report.blocks, key=lambda block: block.begin):
        if abs(block.begin - end) > TOUCHING or block.end <= block.begin:
            return f"its time blocks do not join at {end:g} s of the window"
        end = block.end
    held_up = EDGE + max((seconds for _, seconds in done.stalls), default=0.0)
    if not -EDGE <= done.begin <= held_up:
        return f"its window began at {done.begin:g} s"
    if not done.hung:
        if abs(end - done.end) > TOUCHING:
            return f"its time blocks end at {end:g} s of {done.end:g} s"
        if not point.duration - EDGE <= done.end <= point.duration + held_up:
            return f"its window ended at {done.end:g} s of {point.duration:g} s"
    return ""


@dataclass(frozen=True)
class _Whole:
    server: StorageServer
    blocks: tuple[StorageBlock, ...]


def _whole(point: StoragePoint, report: StorageReport) -> _Whole | str:
    """What a whole report says, or why it is none."""
    why = flaw(point, report)
    if why or report.done is None:
        return why
    wire = sorted(report.blocks, key=lambda block: block.begin)
    held_up = _by_block(report.done, [block.end for block in wire])
    reads, writes = _Schedule(point, point.reads), _Schedule(point, 1 - point.reads)
    try:
        blocks = tuple(
            StorageBlock(
                server=report.agent,
                at=block.begin,
                seconds=block.end - block.begin,
                errors=block.errors,
                read=reads.io(block.read, block.end - block.begin, stalls, block.errors),
                write=writes.io(block.write, block.end - block.begin, stalls, block.errors),
            )
            for block, stalls in zip(wire, held_up, strict=True)
        )
    except ValueError as error:
        return f"its fio output cannot be read: {error}"
    return _Whole(_server(point, report, report.done, blocks), blocks)


def _by_block(done: IoDone, ends: Sequence[float]) -> list[list[float]]:
    """The lengths of the stalls that ended in each block; what came after the last one counts there."""
    found: list[list[float]] = [[] for _ in ends]
    for at, seconds in done.stalls:
        if found:
            found[min(bisect_left(ends, at + seconds), len(ends) - 1)].append(seconds)
    return found


class _Schedule:
    """One server's reads or writes, block after block: where omitted I/Os are put back.

    After a stall fio makes up for it in a burst. So what was missed has been counted, only too late and as
    far too fast: as the missed I/Os are put back, as many of the fastest are taken out, as soon as more
    have been made than were due. Where fio never made up, none are taken out.
    """

    def __init__(self, point: StoragePoint, share: float) -> None:
        self._rate = point.rate * share
        self._used = share > 0
        self._owed = 0

    def io(self, wire: BinnedPart, seconds: float, stalls: Sequence[float], errors: int) -> Io:
        """One block, the stalls that ended in it and the I/Os that failed; raises ValueError."""
        bins = fio.read(wire.bins)
        if int(bins.sum()) != wire.ios:
            raise ValueError(f"{wire.ios} I/Os, but {int(bins.sum())} latencies")
        service = response = _latency(bins)
        if self._rate:
            added = fio.omitted(stalls, 1 / self._rate)
            self._owed += int(added.sum())
            if self._owed:
                bins = bins + added
                surplus = int(bins.sum()) - math.ceil(self._rate * seconds)
                taken = max(0, min(self._owed, surplus))
                self._owed -= taken
                response = _latency(fio.without_fastest(bins, taken))
        if self._used:
            response = replace(response, censored=response.censored + errors)
        return Io(ios=wire.ios, bytes=wire.bytes, service=service, response=response)


def _latency(bins: fio.Bins) -> Latency:
    return Latency(fio.histogram(bins), fio.censored(bins))


def _server(
    point: StoragePoint, report: StorageReport, done: IoDone, blocks: tuple[StorageBlock, ...]
) -> StorageServer:
    read = Io.merged(tuple(block.read for block in blocks))
    write = Io.merged(tuple(block.write for block in blocks))
    seconds = point.duration if done.hung else done.end - done.begin
    natural = 1 / point.rate if point.rate else 0.0
    stall_at, stall = max(done.stalls, key=lambda stall: stall[1], default=(0.0, 0.0))
    return StorageServer(
        server=report.agent,
        host=report.host,
        seconds=seconds,
        late=done.begin,
        iops=IoRate(read.ios / seconds, write.ios / seconds),
        bandwidth=IoRate(read.bytes / seconds, write.bytes / seconds),
        read=read,
        write=write,
        errors=sum(block.errors for block in blocks) + done.hung,
        stall=max(0.0, stall - natural),
        stall_at=stall_at,
        hung=done.hung,
        clock=done.clock,
        clock_error=report.clock_error,
        cpu=done.cpu,
        waiting=done.waiting,
        complaint=done.complaint,
    )


def _added(rates: Iterable[IoRate]) -> IoRate:
    rates = tuple(rates)
    return IoRate(sum(rate.read for rate in rates), sum(rate.write for rate in rates))


def merge_seconds(reports: Iterable[IoSecond]) -> tuple[StorageSecond, ...]:
    """The common seconds that `reports` touch, ascending, all servers added up.

    The live view calls it too, with what has come in so far.
    """
    sums: defaultdict[int, _Sum] = defaultdict(_Sum)
    for report in reports:
        first, last = math.floor(report.begin + 0.5), math.floor(report.end + 0.5)
        if not -_LONGEST <= first < last <= _LONGEST:
            continue  # less than half a second, or nonsense
        for at in range(first, last):
            sums[at].add(report, 1 / (report.end - report.begin), 1 / (last - first))
        sums[last - 1].time(report)
    return tuple(sums[at].second(at) for at in sorted(sums))


class _Sum:
    """One common second, while the servers are added up."""

    def __init__(self) -> None:
        self._iops = self._bandwidth = IoRate()
        self._errors = 0.0
        self._buckets: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def add(self, report: IoSecond, per_second: float, share: float) -> None:
        read, write = report.read, report.write
        self._iops = _added((self._iops, IoRate(read.ios * per_second, write.ios * per_second)))
        self._bandwidth = _added((self._bandwidth, IoRate(read.bytes * per_second, write.bytes * per_second)))
        self._errors += report.errors * share

    def time(self, report: IoSecond) -> None:
        """Latencies count where they were seen: at the end."""
        for counts, part in zip(self._buckets, (report.read, report.write), strict=True):
            for bucket, count in part.buckets:
                counts[bucket] += count

    def second(self, at: int) -> StorageSecond:
        return StorageSecond(
            at=float(at),
            iops=self._iops,
            bandwidth=self._bandwidth,
            read_p99=bucket_percentile(self._buckets[0], 99),
            write_p99=bucket_percentile(self._buckets[1], 99),
            errors=self._errors,
        )
