"""All servers' reports of one fio profile become one StorageMeasurement, without loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb_tests.fleet.storage.messages import IoBlock, IoDone, KeptIoSecond, StorageReport
from kb_tests.measure.clocks import clock_error, lost
from kb_tests.measure.storage.measurement import (
    Io,
    IoRate,
    StorageBlock,
    StorageMeasurement,
    StorageServer,
    Verified,
)
from kb_tests.measure.storage.response import direction, hung
from kb_tests.measure.storage.series import merge_seconds
from kb_tests.measure.whole import TOUCHING, sort_out, unfinished
from kb_tests.scenario.base import shared
from kb_tests.scenario.storage import StoragePoint

EDGE = 0.25
"""Seconds by which a server's window may miss the common one, stalls aside: fio answers between two I/Os."""

_LONGEST_DRAIN = 3600.0


def measure(point: StoragePoint, reports: Sequence[StorageReport]) -> StorageMeasurement:
    """Merge `reports`, one of each server that took part.

    A server whose report is not whole (see `flaw`) is `missing`: its blocks are left out, its seconds are
    kept in the series, so that a chart shows when it went away. `validity` then refuses the point.
    """
    whole, missing = sort_out(reports, point.clients, "server", lambda report: _whole(point, report))
    servers = tuple(part.server for part in whole)
    seconds, reads, writes = merge_seconds(
        [report.seconds for report in reports], -point.ramp, point.duration + _LONGEST_DRAIN
    )
    return StorageMeasurement(
        point_id=point.id,
        duration=point.duration,
        offered=IoRate(point.offered * point.reads, point.offered * (1 - point.reads)),
        iops=sum((server.iops for server in servers), IoRate()),
        bandwidth=sum((server.bandwidth for server in servers), IoRate()),
        read=Io.merged(tuple(server.read for server in servers)),
        write=Io.merged(tuple(server.write for server in servers)),
        errors=sum(server.errors for server in servers),
        seconds=seconds,
        blocks=tuple(block for part in whole for block in part.blocks),
        servers=servers,
        missing=missing,
        read_heat=reads,
        write_heat=writes,
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
    if done.whole is not None:
        for name, part in (("reads", done.whole.read), ("writes", done.whole.write)):
            if part.bytes != part.ios * point.block_size:
                return f"its {part.ios} {name} of {point.block_size} bytes moved {part.bytes} bytes"
    if not point.syncs and any(block.sync.ios for block in report.blocks):
        return "it synced where the profile does not"
    if why := _other_seconds(report.seconds, report.blocks, done):
        return why
    if not done.hung:
        if not report.blocks:
            return "its time blocks are missing"
        if point.rate and any(block.due is None for block in report.blocks):
            return "what was due in its time blocks is missing"
        if point.verify and done.verified is None:
            return "what it wrote was not read back"
        if abs(end - done.end) > TOUCHING:
            return f"its time blocks end at {end:g} s of {done.end:g} s"
        if not point.duration - EDGE <= done.end <= point.duration + held_up:
            return f"its window ended at {done.end:g} s of {point.duration:g} s"
    return ""


def _other_seconds(seconds: Sequence[KeptIoSecond], blocks: Sequence[IoBlock], done: IoDone) -> str:
    """What the seconds of the window say that its blocks do not: both are of the same totals, and the former
    say how much of a rate was achieved. (A block in which a disk hung was never full.)
    """
    inside = [second for second in seconds if second.end > done.begin + TOUCHING]
    if any(second.begin < done.begin - TOUCHING for second in inside):
        return f"its seconds do not join at {done.begin:g} s of the window"
    for name in () if done.hung else ("read", "write"):
        told, held = (sum(getattr(part, name).ios for part in parts) for parts in (inside, blocks))
        if told > held:
            return f"its seconds hold {told} {name}s, its blocks {held}"
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
    done, wire = report.done, sorted(report.blocks, key=lambda block: block.begin)
    reads = direction("read", point.reads, point)
    writes = direction("write", 1 - point.reads, point)
    try:
        blocks = [
            StorageBlock(
                server=report.agent,
                at=block.begin,
                seconds=block.end - block.begin,
                errors=block.errors,
                read=reads.io(block),
                write=writes.io(block),
            )
            for block in wire
        ]
    except ValueError as error:
        return f"its fio output cannot be read: {error}"
    end = max(0.0, wire[-1].end if wire else 0.0)
    if done.hung and end < point.duration:
        blocks.append(hung(report.agent, end, point, reads, writes))
    return _Whole(_server(point, report, done, tuple(blocks)), tuple(blocks))


def _server(
    point: StoragePoint, report: StorageReport, done: IoDone, blocks: tuple[StorageBlock, ...]
) -> StorageServer:
    read = Io.merged(tuple(block.read for block in blocks))
    write = Io.merged(tuple(block.write for block in blocks))
    seconds = point.duration if done.hung else done.end - done.begin
    natural = 1 / point.rate if point.rate else 0.0
    stall_at, stall = max(done.stalls, key=lambda stall: stall[1], default=(0.0, 0.0))
    clock_lost = lost(done.clock_change, report.control_clock)
    own = {
        "server": report.agent,
        "host": report.host,
        "seconds": seconds,
        "late": done.begin,
        "iops": IoRate(read.ios / seconds, write.ios / seconds),
        "bandwidth": IoRate(read.bytes / seconds, write.bytes / seconds),
        "read": read,
        "write": write,
        "errors": sum(block.errors for block in blocks) + done.hung,
        "stall": max(0.0, stall - natural, clock_lost),
        "stall_at": stall_at,
        "clock_error": clock_error(report.clock_error, done.clock_change),
        "clock_lost": clock_lost,
        "verified": _verified(done),
        "bad_at": done.verified.first if done.verified else -1,
    }
    return StorageServer(**shared(done, StorageServer) | own)


def _verified(done: IoDone) -> Verified | None:
    found = done.verified
    if found is None:
        return None
    return Verified(**shared(found, Verified))
