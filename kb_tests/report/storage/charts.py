"""The charts of storage points, described: by percentile, over time, over scale, the servers side by side."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import StorageMeasurement, StorageServer
from kb_tests.report import by_host, words
from kb_tests.report.charts import percentiles, strip
from kb_tests.report.charts import series as over
from kb_tests.report.charts.description import Axis, Chart, Form, Lane, Limit, Plot, Rows, Series, Strips
from kb_tests.report.charts.percentiles import Curve, Hurdle
from kb_tests.report.marks import RecoveryRecord
from kb_tests.report.storage.shown import StorageShown
from kb_tests.report.storage.words import time_limit
from kb_tests.report.views import PointView, ScenarioView
from kb_tests.scenario.storage import StoragePoint
from kb_tests.sla.verdict import Check

TONES = {"read": 0, "write": 1}


@dataclass(frozen=True)
class Entry:
    """One measured point and its outcome, "" where none was given."""

    point: StoragePoint
    measured: StorageMeasurement
    outcome: str


def by_percentile(
    point: StoragePoint, measured: StorageMeasurement, limits: Mapping[str, Sequence[Check]], name: str
) -> Plot | None:
    """Total latency of reads and of writes; `limits` by direction. None if there is no I/O to draw."""
    drawn = [(part, io) for part, io in _parts(point, measured) if io.times.count]
    if not drawn:
        return None
    return percentiles.plot(
        f"percentiles-{name}",
        "Latency by percentile",
        [
            Curve(part, io.times, io.count, io.times.count, max(reach(io), 0.01), tone=TONES[part])
            for part, io in drawn
        ],
        [
            Hurdle(float(check.name.rpartition("p")[2]), check, part)
            for part, _ in drawn
            for check in limits.get(part, ())
        ],
    )


def reach(io: Latency) -> float:
    """Where a curve ends, in nines: with the I/Os that have a time, or with the slowest of all."""
    return math.log10(io.count / max(1, io.censored))


def over_time(
    point: StoragePoint,
    measured: StorageMeasurement,
    name: str,
    marked: Sequence[RecoveryRecord] = (),
    limits: Mapping[str, Sequence[Check]] | None = None,
) -> Plot | None:
    """I/Os per second of reads and writes above, their p99 below; None if there is no second."""
    seconds = measured.seconds
    at = [second.at for second in seconds]
    rates: list[Series] = []
    times: list[Series] = []
    told: list[Limit] = []
    for part, _ in _parts(point, measured):
        tone = TONES[part]
        iops = tuple(float(getattr(second.iops, part)) for second in seconds)
        p99 = tuple(float(getattr(second, f"{part}_p99")) for second in seconds)
        rates += over.offered(getattr(measured.offered, part), measured.duration, f"offered {part}s/s", tone)
        rates.append(Series(f"{part} IOPS", tuple(at), iops, tone=tone))
        times.append(Series(f"{part} p99", tuple(at), p99, tone=tone, joined="worst"))
        told += [
            Limit(f"{part} p99 ≤ {words.duration(check.limit)}", check.limit, of=f"{part} p99")
            for check in (limits or {}).get(part, ())
            if check.name == f"{part} latency p99"
        ]
    errors = tuple(float(second.errors) for second in seconds)
    if any(errors):
        rates.append(Series("failed/s", tuple(at), errors, role="failed"))
    return over.plot(f"series-{name}", at, measured.duration, rates, times, told, marked)


def servers(measured: StorageMeasurement, name: str) -> Strips | None:
    """All servers: I/Os per second, p99 and the longest stall. None for less than two servers."""
    all_of_them = measured.servers
    return strip.strips(
        f"servers-{name}",
        "Server by server",
        [server.server for server in all_of_them],
        [by_host.short(server.host) for server in all_of_them],
        [
            strip.Row("IOPS", "number", [server.iops.total for server in all_of_them], words.number),
            strip.Row("p99", "time", [_slower_p99(server) for server in all_of_them], words.duration),
            strip.Row("stall", "time", [server.stall for server in all_of_them], words.duration),
        ],
    )


def _slower_p99(server: StorageServer) -> float:
    found = [io.response.percentile(99) for io in (server.read, server.write) if io.ios]
    return max(found, default=math.nan)


def iops_over_scale(entries: Sequence[Entry], name: str) -> Plot | None:
    """I/Os per second of all servers, a line for each profile."""
    return _over_scale(
        entries,
        lambda entry: entry.measured.iops.total,
        f"iops-{name}",
        "I/Os per second over scale",
        "number",
    )


def bandwidth_over_scale(entries: Sequence[Entry], name: str) -> Plot | None:
    """MiB per second of all servers, a line for each profile."""
    return _over_scale(
        entries,
        lambda entry: entry.measured.bandwidth.total / (1 << 20),
        f"bandwidth-{name}",
        "Bandwidth over scale, MiB/s",
        "number",
    )


def latency_over_scale(entries: Sequence[Entry], name: str) -> Plot | None:
    """The p99 of the slower direction, a line for each profile."""
    return _over_scale(entries, _p99, f"latency-{name}", "p99 of latency over scale", "time")


def _p99(entry: Entry) -> float:
    found = [io.percentile(99) for _, io in _parts(entry.point, entry.measured) if io.count]
    return max(found, default=math.nan)


def _over_scale(
    entries: Sequence[Entry], value_of: Callable[[Entry], float], name: str, title: str, form: Form
) -> Plot | None:
    """A figure of every point over its number of servers."""
    lines: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.point.clients):
        if math.isfinite(value_of(entry)) or (form == "time" and math.isinf(value_of(entry))):
            lines[entry.point.profile].append(entry)
    shown = [value for found in lines.values() for entry in found if math.isfinite(value := value_of(entry))]
    if not shown or max(shown) <= 0:
        return None
    every = [value_of(entry) for found in lines.values() for entry in found]
    told = words.duration if form == "time" else words.number
    scales = [float(entry.point.clients) for found in lines.values() for entry in found]
    return Plot(
        name=name,
        title=title,
        says=f"{words.span(every, told)} with {words.span(scales, words.number)} servers",
        x=Axis("number", label="servers", low=0.0, high=max(scales) * 1.05),
        lanes=(
            Lane(
                Axis(form, scale="log" if form == "time" else "linear"),
                tuple(
                    _line(profile, found, value_of, tone)
                    for tone, (profile, found) in enumerate(lines.items())
                ),
            ),
        ),
        table=Rows(
            ("Profile", "Servers", title.partition(" over")[0], "Verdict"),
            tuple(
                (profile, str(entry.point.clients), told(value_of(entry)), entry.outcome or "-")
                for profile, found in lines.items()
                for entry in found
            ),
        ),
    )


def _line(profile: str, found: Sequence[Entry], value_of: Callable[[Entry], float], tone: int) -> Series:
    values = [value_of(entry) for entry in found]
    scales = [float(entry.point.clients) for entry in found]
    return Series(
        profile,
        tuple(scales),
        tuple(value if math.isfinite(value) else math.nan for value in values),
        tone=tone,
        outcomes=tuple(entry.outcome for entry in found),
        beyond=tuple(scale for scale, value in zip(scales, values, strict=True) if math.isinf(value)),
    )


def _parts(point: StoragePoint, measured: StorageMeasurement) -> list[tuple[str, Latency]]:
    both = (("read", point.reads, measured.read), ("write", 1 - point.reads, measured.write))
    return [(part, io.response) for part, share, io in both if share > 0]


def point_charts(point: PointView) -> list[Chart]:
    """What there is to draw of one point; empty if it measured nothing that can be drawn."""
    shown = point.shown
    if not isinstance(shown, StorageShown):
        return []
    asked, measured = shown.point, shown.measured
    limits: dict[str, list[Check]] = {"read": [], "write": []}
    for check in point.record.verdict.checks if point.record.verdict else ():
        limited = time_limit(check.name)
        if limited:
            limits[limited[0]].append(check)
    made: list[Chart | None] = [
        by_percentile(asked, measured, limits, point.anchor),
        over_time(asked, measured, point.anchor, point.record.recovery, limits),
        servers(measured, point.anchor),
    ]
    return [chart for chart in made if chart is not None]


def scale_charts(scenario: ScenarioView, name: str) -> list[Chart]:
    """What there is to draw across the points of a scenario; empty for a single scale."""
    stored = [
        Entry(point.shown.point, point.shown.measured, str(point.record.outcome or ""))
        for point in scenario.points
        if isinstance(point.shown, StorageShown)
    ]
    if len({entry.point.clients for entry in stored}) < 2:
        return []
    made = (
        iops_over_scale(stored, name),
        bandwidth_over_scale(stored, name),
        latency_over_scale(stored, name),
    )
    return [chart for chart in made if chart is not None]
