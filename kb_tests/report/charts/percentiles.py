"""Percentile curve: how slow the slowest requests are, with the SLA's limits as markers on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator

from kb_tests.measure.histogram import Histogram
from kb_tests.report import words
from kb_tests.report.charts import style
from kb_tests.report.http.figures import Figures
from kb_tests.sla.verdict import Check

HEIGHT = 280
STEPS = 120


def chart(figures: Figures, limits: Sequence[tuple[float, Check]], name: str) -> Markup | None:
    """The response time (and, lighter, the service time) over percentiles on a scale of ever more nines.

    `limits` are (percent, check). Failed requests are the slowest, so that the curve ends
    where only they are left. None if nothing was answered.
    """
    due = figures.counts.due
    answered = min(figures.counts.completed, figures.response.count)
    if not due or not answered:
        return None
    reach = math.log10(due)
    end = reach if answered == due else min(reach, math.log10(due / (due - answered)))
    last = max(1.0, reach, *(_place(percent, reach) for percent, _ in limits))
    fig = style.figure(HEIGHT)
    axes = style.place(fig, bottom=26, top=26)
    axes.set_xlim(0, last * 1.04)
    nines = [0.0, math.log10(2), *(float(power) for power in range(1, math.floor(last) + 1))]
    axes.xaxis.set_major_locator(FixedLocator(nines))
    axes.xaxis.set_major_formatter(FixedFormatter([_name(nine) for nine in nines]))

    shown = []
    for histogram, colour, width in (
        (figures.service, style.LIGHT_BLUE, 1.2),
        (figures.response, style.BLUE, 2.0),
    ):
        at, seconds = curve(histogram, due, answered, end)
        axes.plot(at, seconds, color=colour, linewidth=width, solid_capstyle="round", solid_joinstyle="round")
        shown += list(seconds)
    for percent, check in limits:
        _limit(axes, figures.percentile(percent), _place(percent, reach), check)
        shown.append(check.limit)
    style.times(axes, min(shown), max(shown))
    if answered < due:
        _without_answer(axes, end, last, f"{words.share(1 - answered / due)} failed")
    style.key(
        fig,
        [
            ("■", "response time", style.BLUE),
            ("■", "service time", style.LIGHT_BLUE),
            ("▾", "limit", style.SOFT),
        ],
    )
    return style.svg(fig, f"percentiles-{name}", f"Percentiles of response time of {name}")


def curve(histogram: Histogram, due: int, answered: int, end: float) -> tuple[list[float], list[float]]:
    """Places on the axis and times in seconds: of `due` requests the `answered` fastest, up to `end`."""
    at = np.linspace(0, end, STEPS)
    ranks = np.clip(np.ceil(due * (1 - 10.0**-at)), 1, min(answered, histogram.count) or 1).astype(int)
    points = [(float(place), histogram.at_rank(int(rank))) for place, rank in zip(at, ranks, strict=True)]
    if histogram.count:
        points.append((end, histogram.at_rank(min(answered, histogram.count))))
    kept = [point for point in points if math.isfinite(point[1])]
    return [place for place, _ in kept], [max(seconds, 1e-6) for _, seconds in kept]


def _limit(axes: Axes, value: float, at: float, check: Check) -> None:
    """A marker that points at the curve, from above while the limit is kept."""
    tone = style.TONES[check.outcome]
    above = not words.breaks(check)
    if math.isfinite(value):
        axes.plot([at, at], [max(value, 1e-6), check.limit], color=tone, linewidth=1, linestyle=(0, (1, 2)))
    axes.plot([at], [check.limit], marker="v" if above else "^", markersize=6, color=tone, clip_on=False)
    axes.annotate(
        words.duration(check.limit),
        (at, check.limit),
        xytext=(0, 5 if above else -5),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        color=tone,
        fontsize=style.FONT,
    )


def _without_answer(axes: Axes, end: float, last: float, text: str) -> None:
    axes.axvspan(end, last * 1.04, color=style.WASH, linewidth=0)
    early = end < last * 0.6
    axes.annotate(
        text,
        (end, 0),
        xycoords=("data", "axes fraction"),
        xytext=(5 if early else -5, 4),
        textcoords="offset points",
        ha="left" if early else "right",
        color=style.TONES["fail"],
        fontsize=style.FONT,
    )


def _place(percent: float, reach: float) -> float:
    """Where a percentile is on the axis; the longest time of all stands where the sample ends."""
    return -math.log10(1 - percent / 100) if percent < 100 else reach


def _name(nines: float) -> str:
    if nines == 0:
        return ""
    return f"{100 * (1 - 10**-nines):.10g}%"
