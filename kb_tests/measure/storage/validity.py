"""Can the numbers of a storage point be believed? Why not, if they cannot.

Invalid is for instruments, never for bad storage: stalls, errors, a disk that hangs and one that does
nothing at all are judged by `sla/`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kb_tests.measure.bounds import CPU, SHIFT_AT_MOST, SHIFT_SHARE, named
from kb_tests.measure.storage.measurement import StorageMeasurement, StorageServer
from kb_tests.measure.storage.merge import EDGE
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.units import counted, format_duration

WAITING = 0.25
BEHIND = 0.01
DUE = 0.01
"""How far off the number of I/Os may be that a server says were due: it knows fio's start to milliseconds."""
CLOCK_SHARE = 0.01
CLOCK_AT_LEAST = 0.1


def validity(point: StoragePoint, measurement: StorageMeasurement) -> tuple[str, ...]:
    """Why `measurement` must not be judged, one sentence each; empty if it may be.

    - A server is missing, or there are more of them than were asked for.
    - A server started, or may by its clock have started, off by more than 5 % of the window or 1 s,
      stalls aside.
    - fio's clock and the server's own disagree by more than 1 % of the window, and 0.1 s, or the server's ran
      ahead of the control server's. (One that stood still is a stall.)
    - Counts do not add up: more I/Os than the rate allows, or other numbers of them due; some of a kind that
      the profile does not make; or no I/O at all without a stall that long.
    """
    return tuple(_reasons(point, measurement))


def fell_behind(point: StoragePoint, measurement: StorageMeasurement) -> tuple[str, ...]:
    """Why it was fio that made less load than the point's rate, for want of CPU.

    In a server it fell behind the rate by over 1 % while it ran, or waited for a CPU, over 90 % of the time.
    (Busy alone it may well be: where short sleeps took long when it started, it spins from one I/O to the
    next.) Without a rate there is none: fio then takes what CPU there is.
    """
    busy = [
        f"{server.server} {min(1, server.cpu + server.waiting):.0%}"
        for server in measurement.servers
        if point.rate and server.cpu + server.waiting > CPU and server.iops.total < (1 - BEHIND) * point.rate
    ]
    if not busy:
        return ()
    return (
        f"In {len(busy)} of {point.clients} servers fio had no CPU to spare (over {CPU:.0%}) and fell"
        f" behind its rate: {named(busy)}.",
    )


def waited(point: StoragePoint, measurement: StorageMeasurement) -> tuple[str, ...]:
    """Why latencies and stalls may be those of the CPU: fio was ready to run but had none for over 25 % of
    the time, at a rate that leaves it time.
    """
    waiting = [
        f"{server.server} {server.waiting:.0%}"
        for server in measurement.servers
        if point.rate and server.waiting > WAITING
    ]
    if not waiting:
        return ()
    return (
        f"In {len(waiting)} of {point.clients} servers fio waited for a CPU over {WAITING:.0%} of the"
        f" time: {named(waiting)}.",
    )


def _reasons(point: StoragePoint, measurement: StorageMeasurement) -> Iterator[str]:
    servers = measurement.servers
    if measurement.missing:
        names = [f"{name} ({why})" for name, why in measurement.missing.items()]
        yield f"{len(names)} of {point.clients} servers are missing: {named(names)}."
    known = len(servers) + len(measurement.missing)
    if known > point.clients:
        yield f"{counted(known, 'server')} reported where {point.clients} took part."
    yield from _clocks(point, servers)
    wrong = [f"{server.server} ({why})" for server in servers if (why := _discrepancy(point, server))]
    if wrong:
        yield f"The counts of {len(wrong)} of {point.clients} servers do not add up: {named(wrong)}."


def _clocks(point: StoragePoint, servers: tuple[StorageServer, ...]) -> Iterator[str]:
    limit = min(SHIFT_AT_MOST, SHIFT_SHARE * point.duration)
    late = [
        f"{server.server} {format_duration(server.late)}"
        for server in servers
        if server.late > max(limit, EDGE) + server.stall
    ]
    if late:
        yield (
            f"{len(late)} of {point.clients} servers began off the common start by more than"
            f" {format_duration(limit)}: {named(late)}."
        )
    blurred = [
        f"{server.server} {format_duration(server.clock_error)}"
        for server in servers
        if not server.clock_error <= limit
    ]
    if blurred:
        yield (
            f"The clocks of {len(blurred)} of {point.clients} servers are known no better than"
            f" {format_duration(limit)}: {named(blurred)}."
        )
    ahead = [
        f"{server.server} {format_duration(-server.clock_lost)}"
        for server in servers
        if server.clock_lost < 0
    ]
    if ahead:
        yield f"The clocks of {len(ahead)} of {point.clients} servers ran ahead: {named(ahead)}."
    most = max(CLOCK_AT_LEAST, CLOCK_SHARE * point.duration)
    off = [f"{server.server} {server.clock:+.2f} s" for server in servers if not abs(server.clock) <= most]
    if off:
        yield (
            f"fio's clock and the server's own disagree in {len(off)} of {point.clients} servers:"
            f" {named(off)}."
        )


def _discrepancy(point: StoragePoint, server: StorageServer) -> str:
    parts = (("reads", server.read, point.reads), ("writes", server.write, 1 - point.reads))
    for name, io, share in parts:
        if io.ios and not share:
            return f"{io.ios} {name} where the profile makes none"
    ios = server.read.ios + server.write.ios
    if point.syncs and not server.write.syncs.count and server.write.ios > point.syncs * (point.numjobs + 1):
        return f"{server.write.ios} writes and no sync"
    if point.rate:
        most = math.ceil(point.rate * (server.seconds + point.ramp)) + point.slots
        if ios > most:
            return f"{ios} I/Os where the rate allows {most}"
        for name, io, share in parts:
            due, asked = io.response.count, point.rate * share * point.duration
            # Of a disk that hangs fio cannot tell all that became due; its stall fails the point anyway.
            few = asked - due if not server.hung else 0.0
            if share and max(few, due - asked) > DUE * asked + point.numjobs:
                return f"{due} {name} were due where the rate asks for {asked:.0f}"
    if not ios and not server.hung and not server.errors and server.stall < server.seconds * 0.9 - EDGE:
        return "no I/O, and no stall"
    return ""
