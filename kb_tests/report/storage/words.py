"""A storage point in words: in the terminal, in HTML and in JUnit the same."""

from __future__ import annotations

import math
import re
from dataclasses import asdict

from kb_tests.measure.storage.fio import CENSORED_FROM
from kb_tests.measure.storage.measurement import Io, StorageMeasurement, Verified
from kb_tests.report import words
from kb_tests.report.shown import Property
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.units import format_size

_PERCENTS = (50.0, 90.0, 99.0, 99.9)


def time_limit(check: str) -> tuple[str, float] | None:
    """Direction and percent of a check on latency, or on the service time of a closed loop, by its name."""
    found = re.fullmatch(r"(read|write) (?:latency|service time) p([\d.]+)", check)
    return (found[1], float(found[2])) if found else None


def response(io: Io, percent: float) -> str:
    """A percentile of the response times: "182us", "-" without any I/O, ">= 17s" where fio cannot tell,
    "beyond measure" where others were not done at all.
    """
    only_long = io.response.censored == io.service.censored
    return _time(io.response.percentile(percent), f">= {words.duration(CENSORED_FROM)}" if only_long else "")


def _time(seconds: float, beyond: str = "") -> str:
    if math.isnan(seconds):
        return "-"
    return beyond if beyond and math.isinf(seconds) else words.duration(seconds)


def rate(point: StoragePoint, measured: StorageMeasurement) -> str:
    """The achieved rate, of the offered one: "398 of 400 IOPS (99.5%)", "49 of 60MiB/s (81.7%)"."""
    offered = measured.offered.total
    if point.unit == "bytes":
        of = f"{format_size(offered * point.block_size)}/s"
        return f"{bandwidth(measured.bandwidth.total)} of {of} ({words.share(measured.achieved)})"
    if offered:
        iops = f"{words.number(measured.iops.total)} of {words.number(offered)} IOPS"
        return f"{iops} ({words.share(measured.achieved)})"
    return f"{words.number(measured.iops.total)} IOPS, {bandwidth(measured.bandwidth.total)} (closed loop)"


def bandwidth(rate: float) -> str:
    """Bytes per second: "58.6MiB/s"."""
    return f"{format_size(rate)}/s"


def directions(point: StoragePoint, measured: StorageMeasurement) -> list[tuple[str, Io]]:
    """What the point does: "read" or "write", or both."""
    both = (("read", point.reads, measured.read), ("write", 1 - point.reads, measured.write))
    return [(name, io) for name, share, io in both if share > 0]


def row(point: StoragePoint, measured: StorageMeasurement) -> tuple[str, str, str]:
    """The rate and two latencies, for one line in a terminal."""
    parts = directions(point, measured)
    of = "" if point.rate else "service "
    if len(parts) == 2:
        told = [f"{name} {of}p99 {response(io, 99)}" for name, io in parts]
    else:
        told = [f"{of}p{percent} {response(parts[0][1], percent)}" for percent in (50, 99)]
    return rate(point, measured), told[0], told[1]


def facts(point: StoragePoint, measured: StorageMeasurement) -> tuple[tuple[str, str], ...]:
    """What stands under a point's charts."""
    told = [
        (
            "fio",
            f"{point.mode}, {format_size(point.block_size)} blocks, depth {point.iodepth} x {point.numjobs}",
        ),
        ("window", f"{words.duration(measured.duration)} after {words.duration(point.ramp)} of ramp"),
        ("bandwidth", bandwidth(measured.bandwidth.total)),
    ]
    if not point.rate:
        told.append(("times", "a closed loop's service times: no rate made anything due"))
    if point.extra:
        told.insert(1, ("more options", ", ".join(f"{name}={value}" for name, value in point.extra)))
    for name, io in directions(point, measured):
        iops = getattr(measured.iops, name)
        told.append((f"{name}s", f"{io.ios:,} ({words.number(iops)}/s)"))
        if io.response != io.service:
            told.append((f"{name} p99 as fio saw it", _time(io.service.percentile(99))))
        if io.syncs.count:
            told.append(
                ("syncs", f"{io.syncs.count:,}, p99 {_time(io.syncs.percentile(99))}; part of the writes")
            )
        if io.service.censored:
            told.append((f"{name}s of {words.duration(CENSORED_FROM)} or more", f"{io.service.censored:,}"))
    told.append(("failed", f"{measured.errors:,}"))
    if measured.verified is not None:
        told.append(("read back", verified(measured.verified)))
    if measured.steady is not None:
        told.append(("steady state (SNIA)", "reached" if measured.steady else "not reached in time"))
    servers = measured.servers
    if servers:
        told += [
            ("servers", f"{len(servers)} of {point.clients}"),
            ("longest stall", stall(measured)),
            ("busiest fio CPU", words.share(max(server.cpu for server in servers))),
            ("most waiting for a CPU", words.share(max(server.waiting for server in servers))),
            ("widest fio clock drift", words.duration(max(abs(server.clock) for server in servers))),
        ]
    if len(servers) > 1 and not math.isnan(measured.fairness):
        told.append(("fairness (Jain, 1 is even)", f"{measured.fairness:.3f}"))
    return tuple(told)


def stall(measured: StorageMeasurement) -> str:
    """The longest of any server: "2.01s", "none" where no gap was longer than the pace of the I/Os."""
    return words.duration(measured.stall) if measured.stall else "none"


def verified(found: Verified) -> str:
    """What was found in what was read back: "1,433 of 1,433 blocks, 12 bad"."""
    return (
        f"{found.read:,} of {found.written:,} blocks, {words.number(found.bad) if found.bad else 'none'} bad"
    )


def properties(point: StoragePoint, measured: StorageMeasurement) -> list[Property]:
    """Names and values for JUnit: kb.offered .achieved .achieved_share .throughput_bytes .duration
    .stall .fairness .io_errors .closed_loop, where what was written was read back .verify with .written .read
    .wrong .old .unread, and kb.read and kb.write with .ios .iops .bytes .p50 .p90 .p99
    .p99.9 .max; where writes were synced, kb.sync with .ios .p50 .p90 .p99 .p99.9.
    """
    found: list[Property] = [
        ("kb.offered", measured.offered.total),
        ("kb.achieved", measured.iops.total),
        ("kb.achieved_share", measured.achieved),
        ("kb.throughput_bytes", measured.bandwidth.total),
        ("kb.duration", measured.duration),
        ("kb.stall", measured.stall),
        ("kb.fairness", measured.fairness),
        ("kb.io_errors", measured.errors),
        ("kb.closed_loop", str(not point.rate).lower()),
    ]
    if measured.steady is not None:
        found.append(("kb.steady", str(measured.steady).lower()))
    if measured.verified is not None:
        found += [(f"kb.verify.{name}", count) for name, count in asdict(measured.verified).items()]
    for name, io in directions(point, measured):
        found += [
            (f"kb.{name}.ios", io.ios),
            (f"kb.{name}.iops", getattr(measured.iops, name)),
            (f"kb.{name}.bytes", io.bytes),
            *((f"kb.{name}.p{percent:g}", io.response.percentile(percent)) for percent in _PERCENTS),
            (f"kb.{name}.max", io.response.max),
        ]
        if io.syncs.count:
            found.append(("kb.sync.ios", io.syncs.count))
            found += [(f"kb.sync.p{percent:g}", io.syncs.percentile(percent)) for percent in _PERCENTS]
    return found
