"""A strip of all servers side by side: a mark for each, coloured by its host; those far off are named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from kb_tests.report.charts import style

OUTLIER = 5.0
"""From how many median distances from the median on a server is named."""

_OF_RUN = re.compile(r"^kb-[0-9a-f]{8}-")
NAMED = 3
_APART = 3
"""Digits of a place in the strip: marks of a thousand servers that hide each other are drawn once."""

_ROW = 40
_KEY = 20
_LABELS = 62.0


@dataclass(frozen=True)
class Row:
    """One figure of every server, in their order, and how it is told."""

    label: str
    values: Sequence[float]
    told: Callable[[float], str]


def chart(
    names: Sequence[str], hosts: Sequence[str], rows: Sequence[Row], name: str, description: str
) -> Markup | None:
    """None for less than two servers. Hosts are told apart where there are two to as many as there are
    colours for.
    """
    if len(names) < 2:
        return None
    distinct = sorted(set(hosts))
    apart = 1 < len(distinct) <= len(style.LINES)
    colours = dict(zip(distinct, style.LINES, strict=False)) if apart else dict.fromkeys(distinct, style.BLUE)
    above = _KEY if apart else 0
    fig = style.figure(_ROW * len(rows) + 20 + above)
    for number, row in enumerate(rows):
        below = _ROW * (len(rows) - 1 - number) + 26
        axes = style.place(fig, bottom=below, top=_ROW * number + 14 + above, left=_LABELS, right=60)
        _draw(axes, row, names, [colours[host] for host in hosts])
    if apart:
        style.key(fig, [("■", host, colours[host]) for host in distinct], left=_LABELS)
    return style.svg(fig, name, description)


def _draw(axes: Axes, row: Row, names: Sequence[str], colours: Sequence[str]) -> None:
    top = max([value for value in row.values if math.isfinite(value)] or [0.0]) * 1.1 or 1.0
    axes.grid(visible=False)
    axes.set_ylim(-1, 1)
    axes.set_xlim(0, top)
    axes.yaxis.set_major_locator(FixedLocator([0]))
    axes.yaxis.set_major_formatter(FixedFormatter([row.label]))
    axes.xaxis.set_major_locator(FixedLocator(style.ticks(top)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: row.told(value) if value else "0"))
    axes.xaxis.set_minor_locator(NullLocator())
    for colour in dict.fromkeys(colours):
        places = {
            round(value / top, _APART)
            for value, own in zip(row.values, colours, strict=True)
            if own == colour and math.isfinite(value)
        }
        at = [place * top for place in sorted(places)]
        axes.plot(at, [0] * len(at), "|", markersize=12, color=colour, alpha=0.7, clip_on=False)
    for index in outliers(row.values)[:NAMED]:
        _name(axes, names[index], row.values[index])


def outliers(values: Sequence[float]) -> list[int]:
    """Which are far from the others, the farthest first; also those without a finite value."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return []
    middle = median(finite)
    least = max(OUTLIER * median(abs(value - middle) for value in finite), abs(middle) * 0.1, 0.001)

    def distance(index: int) -> float:
        value = values[index]
        return abs(value - middle) if math.isfinite(value) else math.inf

    return sorted((one for one in range(len(values)) if distance(one) > least), key=distance, reverse=True)


def _name(axes: Axes, name: str, value: float) -> None:
    last = axes.get_xlim()[1]
    at = value if math.isfinite(value) else last
    name = _OF_RUN.sub("", name)  # the run's id is that of all of them
    axes.plot([at], [0], marker="o", markersize=6, color=style.TONES["fail"], clip_on=False)
    axes.annotate(
        name.rpartition("-")[2] if len(name) > 20 else name,
        (at, 0),
        xytext=(0, 6),
        textcoords="offset points",
        ha="right" if at > 0.9 * last else "center",
        color=style.TONES["fail"],
        fontsize=style.FONT - 1,
    )
