"""Charts of storage points: latency by percentile, over time, over scale, and the servers side by side."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import StorageMeasurement, StorageServer
from kb_tests.report import by_host, words
from kb_tests.report.charts import strip, style
from kb_tests.report.charts.axes import MOST, binned, positive, time_axis
from kb_tests.report.charts.marks import marks
from kb_tests.report.charts.percentiles import curve
from kb_tests.report.charts.style import Captioned
from kb_tests.report.marks import RecoveryRecord
from kb_tests.report.storage.shown import StorageShown
from kb_tests.report.storage.words import time_limit
from kb_tests.report.view import PointView, ScenarioView
from kb_tests.scenario.storage import StoragePoint
from kb_tests.sla.verdict import Check

COLOURS = {"read": style.BLUE, "write": style.ORANGE}


@dataclass(frozen=True)
class Entry:
    """One measured point and its outcome, "" where none was given."""

    point: StoragePoint
    measured: StorageMeasurement
    outcome: str


def percentiles(
    point: StoragePoint, measured: StorageMeasurement, limits: Mapping[str, Sequence[Check]], name: str
) -> Markup | None:
    """Total latency over percentiles, on a scale of ever more nines; `limits` by direction.

    None if there is no I/O to draw.
    """
    drawn = [(part, io) for part, io in _parts(point, measured) if io.times.count]
    if not drawn:
        return None
    last = max(1.0, *(math.log10(io.count) for _, io in drawn))
    fig = style.figure(280)
    axes = style.place(fig, bottom=26, top=26)
    axes.set_xlim(0, last * 1.04)
    nines = [0.0, math.log10(2), *(float(power) for power in range(1, math.floor(last) + 1))]
    axes.xaxis.set_major_locator(FixedLocator(nines))
    axes.xaxis.set_major_formatter(
        FixedFormatter(["" if nine == 0 else f"{100 * (1 - 10**-nine):.10g}%" for nine in nines])
    )
    shown: list[float] = []
    for part, io in drawn:
        at, seconds = curve(io.times, io.count, io.times.count, max(reach(io), 0.01))
        axes.plot(at, seconds, color=COLOURS[part], linewidth=2, solid_capstyle="round")
        shown += seconds
        for check in limits.get(part, ()):
            percent = float(check.name.rpartition("p")[2])
            place = -math.log10(1 - percent / 100) if percent < 100 else math.log10(io.count)
            sign = "^" if words.breaks(check) else "v"
            tone = style.TONES[check.outcome]
            axes.plot([place], [check.limit], marker=sign, markersize=6, color=tone, clip_on=False)
            shown.append(check.limit)
    style.times(axes, min(shown), max(shown))
    style.key(fig, [*(("■", part, COLOURS[part]) for part, _ in drawn), ("▾", "limit", style.SOFT)])
    return style.svg(fig, f"percentiles-{name}", f"Percentiles of latency of {name}")


def reach(io: Latency) -> float:
    """Where a curve ends, in nines: with the I/Os that have a time, or with the slowest of all."""
    return math.log10(io.count / max(1, io.censored))


def series(
    point: StoragePoint, measured: StorageMeasurement, name: str, marked: Sequence[RecoveryRecord] = ()
) -> Markup | None:
    """I/Os per second of reads and writes above, their p99 below; None if there is no second."""
    seconds = [second for second in measured.seconds if second.at < measured.duration]
    if not seconds:
        return None
    at = np.array([second.at for second in seconds])
    first, last = float(at[0]), max(measured.duration, float(at[-1]) + 1)
    step = max(1, math.ceil((last - first) / MOST))
    bins = ((at - first) // step).astype(int)
    middles = first + (np.unique(bins) + 0.5) * step
    fig = style.figure(280)
    upper = style.place(fig, bottom=280 - 110, top=26)
    lower = style.place(fig, bottom=26, top=148)
    key = [("■", f"{part} IOPS", COLOURS[part]) for part, _ in _parts(point, measured)]
    highest, shown = 0.0, []
    for part, _ in _parts(point, measured):
        offered = getattr(measured.offered, part)
        if offered:
            upper.plot([0, measured.duration], [offered] * 2, color=COLOURS[part], lw=1, ls=(0, (4, 3)))
        rates = binned(np.array([getattr(second.iops, part) for second in seconds]), bins, np.mean)
        upper.plot(middles, rates, color=COLOURS[part], linewidth=1.6)
        highest = max(highest, offered, float(np.nanmax(rates)))
        p99 = binned(
            positive(np.array([getattr(second, f"{part}_p99") for second in seconds])), bins, np.nanmax
        )
        lower.plot(middles, p99, color=COLOURS[part], linewidth=1.6)
        shown += [float(value) for value in p99 if math.isfinite(value)]
    if measured.offered.total:
        key.append(("╌", "offered", style.SOFT))
    style.rates(upper, highest)
    upper.tick_params(labelbottom=False)
    style.times(lower, min(shown, default=0.001), max(shown, default=1.0))
    marks(upper, lower, marked, last)
    for axes in (upper, lower):
        time_axis(axes, first, last, at_bottom=axes is lower)
    style.key(fig, key)
    style.key(fig, [("■", f"{part} p99", COLOURS[part]) for part, _ in _parts(point, measured)], top=128)
    return style.svg(fig, f"series-{name}", f"I/Os per second and latency over the time of {name}")


def servers(measured: StorageMeasurement, name: str) -> Markup | None:
    """A strip of all servers: I/Os per second, p99 and the longest stall. None for less than two servers."""
    all_of_them = measured.servers
    rows = [
        strip.Row("IOPS", [server.iops.total for server in all_of_them], words.number),
        strip.Row("p99", [_slower_p99(server) for server in all_of_them], words.duration),
        strip.Row("stall", [server.stall for server in all_of_them], words.duration),
    ]
    return strip.chart(
        [server.server for server in all_of_them],
        [by_host.short(server.host) for server in all_of_them],
        rows,
        f"servers-{name}",
        f"The servers of {name} side by side",
    )


def _slower_p99(server: StorageServer) -> float:
    found = [io.response.percentile(99) for io in (server.read, server.write) if io.ios]
    return max(found, default=math.nan)


def iops_over_scale(entries: Sequence[Entry], name: str) -> Markup | None:
    """I/Os per second of all servers, a line for each profile."""
    return _over_scale(entries, lambda entry: entry.measured.iops.total, f"iops-{name}", "IOPS", style.short)


def bandwidth_over_scale(entries: Sequence[Entry], name: str) -> Markup | None:
    """MiB per second of all servers, a line for each profile."""
    return _over_scale(
        entries,
        lambda entry: entry.measured.bandwidth.total / (1 << 20),
        f"bandwidth-{name}",
        "bandwidth",
        style.short,
    )


def latency_over_scale(entries: Sequence[Entry], name: str) -> Markup | None:
    """The p99 of the slower direction, a line for each profile."""

    def p99(entry: Entry) -> float:
        found = [io.percentile(99) for _, io in _parts(entry.point, entry.measured) if io.count]
        return max(found, default=math.nan)

    return _over_scale(entries, p99, f"latency-{name}", "p99", None)


def _over_scale(
    entries: Sequence[Entry],
    value_of: Callable[[Entry], float],
    name: str,
    what: str,
    told: Callable[[float], str] | None,
) -> Markup | None:
    """A figure of every point over its number of servers; `told` writes the scale, None is one of times."""
    lines: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if math.isfinite(value_of(entry)):
            lines[entry.point.profile].append(entry)
    shown = [value_of(entry) for found in lines.values() for entry in found]
    if not shown or max(shown) <= 0:
        return None
    fig = style.figure(240)
    axes = style.place(fig, bottom=42, top=12 + 16 * math.ceil(len(lines) / 3), right=22)
    for (_, found), colour in zip(lines.items(), cycle(style.LINES), strict=False):
        ordered = sorted(found, key=lambda entry: entry.point.clients)
        scales = [entry.point.clients for entry in ordered]
        values = [value_of(entry) for entry in ordered]
        axes.plot(scales, values, color=colour, linewidth=1.6)
        for entry, value in zip(ordered, values, strict=True):
            axes.plot(
                [entry.point.clients],
                [value],
                marker=style.MARKERS.get(entry.outcome, "o"),
                markersize=6,
                markerfacecolor=style.TONES.get(entry.outcome, style.SOFT),
                markeredgecolor="#fff",
                markeredgewidth=0.8,
                clip_on=False,
            )
    if told is None:
        style.times(axes, min(shown), max(shown))
    else:
        style.rates(axes, max(shown))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value)))
    scales = sorted({entry.point.clients for found in lines.values() for entry in found})
    axes.set_xlim(0, max(scales) * 1.05)
    axes.xaxis.set_major_locator(FixedLocator(scales if len(scales) <= 8 else style.ticks(max(scales))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("servers", color=style.SOFT, fontsize=style.FONT)
    names = list(lines)
    for at in range(0, len(names), 3):
        colours = [style.LINES[(at + place) % len(style.LINES)] for place in range(3)]
        style.key(
            fig,
            [("━", profile, colour) for profile, colour in zip(names[at : at + 3], colours, strict=False)],
            top=4 + 16 * (at // 3),
        )
    return style.svg(fig, name, f"{what} over the number of servers")


def _parts(point: StoragePoint, measured: StorageMeasurement) -> list[tuple[str, Latency]]:
    both = (("read", point.reads, measured.read), ("write", 1 - point.reads, measured.write))
    return [(part, io.response) for part, share, io in both if share > 0]


def point_charts(point: PointView) -> list[Captioned]:
    """Captions and SVG elements of one point; empty if it measured nothing that can be drawn."""
    shown = point.shown
    if not isinstance(shown, StorageShown):
        return []
    asked, measured = shown.point, shown.measured
    limits: dict[str, list[Check]] = {"read": [], "write": []}
    for check in point.record.verdict.checks if point.record.verdict else ():
        limited = time_limit(check.name)
        if limited:
            limits[limited[0]].append(check)
    drawn = [
        ("Latency by percentile", percentiles(asked, measured, limits, point.anchor)),
        ("Over time", series(asked, measured, point.anchor, point.record.recovery)),
        ("Server by server", servers(measured, point.anchor)),
    ]
    return [(caption, svg) for caption, svg in drawn if svg is not None]


def scale_charts(scenario: ScenarioView, name: str) -> list[Captioned]:
    """Captions and SVG elements across the points of a scenario; empty for a single scale."""
    stored = [
        Entry(point.shown.point, point.shown.measured, str(point.record.outcome or ""))
        for point in scenario.points
        if isinstance(point.shown, StorageShown)
    ]
    if len({entry.point.clients for entry in stored}) < 2:
        return []
    over = [
        ("I/Os per second over scale", iops_over_scale(stored, name)),
        ("Bandwidth over scale, MiB/s", bandwidth_over_scale(stored, name)),
        ("p99 of latency over scale", latency_over_scale(stored, name)),
    ]
    return [(caption, svg) for caption, svg in over if svg is not None]
