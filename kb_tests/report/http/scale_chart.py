"""Across the points of a scenario: how response times and the achieved rate go with the offered rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from kb_tests.report.charts import style
from kb_tests.report.http.figures import Figures

SIGNS = {"pass": "●", "fail": "✖", "inconclusive": "◆", "invalid": "■"}
LINES = (style.BLUE, style.ORANGE, style.SOFT)
HEIGHT = 220


@dataclass(frozen=True)
class Entry:
    """One measured point: its figures and its outcome, "" where none was given; points of one `series` are
    joined by a line of that name.
    """

    figures: Figures
    outcome: str
    series: str = ""

    @property
    def load(self) -> float:
        """The offered rate; for a closed loop, which offers none, the achieved one."""
        return self.figures.offered or self.figures.achieved


def latency(entries: Sequence[Entry], limits: Mapping[float, float], name: str) -> Markup | None:
    """Percentiles of response time over the load, marked by verdict; `limits` is {percent: seconds}.

    The first three limited percentiles are shown, or p50 and p99. Where too many requests had no good
    answer, an arrow at the upper edge says so. None if there is nothing to show.
    """
    points = sorted(entries, key=lambda entry: entry.load)
    percents = sorted(limits)[: len(LINES)] or [50.0, 99.0]
    fig = style.figure(HEIGHT)
    axes = style.place(fig, bottom=42, top=26, right=22)
    shown: list[float] = []
    beyond: list[tuple[float, str]] = []
    for percent, colour in zip(percents, LINES, strict=False):
        values = [entry.figures.percentile(percent) for entry in points]
        finite = [value if 0 < value < math.inf else math.nan for value in values]
        named = percent == percents[-1]
        for series in sorted({entry.series for entry in points}, key=_natural):
            own = [at for at, entry in enumerate(points) if entry.series == series]
            _line(axes, [points[at] for at in own], [finite[at] for at in own], colour)
            seen = [at for at in own if math.isfinite(finite[at])]
            if named and series and seen:
                _name(axes, points[seen[-1]].load, finite[seen[-1]], series)
        shown += [value for value in finite if not math.isnan(value)]
        beyond += [
            (entry.load, colour) for entry, value in zip(points, values, strict=True) if math.isinf(value)
        ]
        if percent in limits:
            axes.axhline(limits[percent], color=colour, linewidth=1, linestyle=(0, (1, 2)))
            shown.append(limits[percent])
    if not shown:
        return None
    style.times(axes, min(shown), max(shown))
    for load, colour in beyond:
        axes.plot([load], [axes.get_ylim()[1]], marker="^", markersize=6, color=colour, clip_on=False)
    lines = [("━", f"p{percent:g}", colour) for percent, colour in zip(percents, LINES, strict=False)]
    _finish(fig, axes, points, lines)
    return style.svg(fig, f"latency-{name}", f"Response time over the load of {name}")


def achieved(entries: Sequence[Entry], name: str) -> Markup | None:
    """The achieved rate over the offered one, marked by verdict; None if there is nothing to show."""
    points = sorted(entries, key=lambda entry: entry.load)
    if not points:
        return None
    fig = style.figure(HEIGHT)
    axes = style.place(fig, bottom=42, top=26, right=22)
    most = max(max(entry.load, entry.figures.achieved) for entry in points)
    axes.plot([0, most * 1.05], [0, most * 1.05], color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
    _line(axes, points, [entry.figures.achieved for entry in points], style.BLUE)
    style.rates(axes, most)
    _finish(fig, axes, points)
    return style.svg(fig, f"achieved-{name}", f"Achieved over offered rate of {name}")


def _natural(series: str) -> tuple[int, str]:
    """Names that begin with a number, by that."""
    return len(series.split(" ")[0]), series


def _name(axes: Axes, load: float, value: float, series: str) -> None:
    axes.annotate(
        series,
        (load, value),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        color=style.SOFT,
        fontsize=style.FONT,
    )


def _line(axes: Axes, points: Sequence[Entry], values: Sequence[float], colour: str) -> None:
    axes.plot([entry.load for entry in points], values, color=colour, linewidth=1.2, alpha=0.7)
    size = 7 if len(points) <= 20 else 4.5
    for outcome in ["", *style.TONES]:
        axes.plot(
            [entry.load for entry in points if entry.outcome == outcome],
            [value for entry, value in zip(points, values, strict=True) if entry.outcome == outcome],
            linestyle="none",
            marker=style.MARKERS.get(outcome, "o"),
            markersize=size,
            markerfacecolor=style.TONES.get(outcome, style.SOFT),
            markeredgecolor="#fff",
            markeredgewidth=0.8,
            clip_on=False,
        )


def _finish(
    fig: Figure, axes: Axes, points: Sequence[Entry], lines: Sequence[tuple[str, str, str]] = ()
) -> None:
    """The x axis and the key of the signs in use."""
    top = max(entry.load for entry in points) * 1.05 or 1.0
    axes.set_xlim(0, top)
    axes.xaxis.set_major_locator(FixedLocator(style.ticks(top)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: style.short(rate)))
    axes.set_xlabel("offered, all generators together, per second", color=style.SOFT, fontsize=style.FONT)
    used = [outcome for outcome in style.TONES if any(entry.outcome == outcome for entry in points)]
    style.key(fig, [*lines, *((SIGNS[outcome], outcome, style.TONES[outcome]) for outcome in used)])
