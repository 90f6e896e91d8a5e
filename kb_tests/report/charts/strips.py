"""`Strips` as a static picture: a mark for each server, coloured by its host; those far off are named."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from kb_tests.report import words
from kb_tests.report.charts import style
from kb_tests.report.charts.description import StripRow, Strips

_OF_RUN = re.compile(r"^kb-[0-9a-f]{8}-")
NAMED = 3
_APART = 3
"""Digits of a place in the strip: marks of a thousand servers that hide each other are drawn once."""

_ROW = 40
_KEY = 20
_LABELS = 62.0


def draw(strips: Strips) -> Markup:
    """As an SVG element. Hosts are told apart where there are two to as many as there are colours for."""
    distinct = sorted(set(strips.groups))
    apart = 1 < len(distinct) <= len(style.LINES)
    colours = dict(zip(distinct, style.LINES, strict=False)) if apart else dict.fromkeys(distinct, style.BLUE)
    above = _KEY if apart else 0
    rows = strips.rows
    fig = style.figure(_ROW * len(rows) + 20 + above)
    for number, row in enumerate(rows):
        below = _ROW * (len(rows) - 1 - number) + 26
        axes = style.place(fig, bottom=below, top=_ROW * number + 14 + above, left=_LABELS, right=60)
        _draw(axes, row, strips.names, [colours[host] for host in strips.groups])
    if apart:
        style.key(fig, [("■", host, colours[host]) for host in distinct], left=_LABELS)
    return style.svg(fig, strips.name, f"{strips.title}: {strips.says}")


def told(row: StripRow, value: float) -> str:
    """A value of its axis in words."""
    return words.duration(value) if row.form == "time" else words.number(value)


def _has_place(value: float) -> bool:
    return abs(value) < style.FARTHEST


def _draw(axes: Axes, row: StripRow, names: Sequence[str], colours: Sequence[str]) -> None:
    _, top = style.apart(0.0, max((value for value in row.values if _has_place(value)), default=0.0) * 1.1)
    axes.grid(visible=False)
    axes.set_ylim(-1, 1)
    axes.set_xlim(0, top)
    axes.yaxis.set_major_locator(FixedLocator([0]))
    axes.yaxis.set_major_formatter(FixedFormatter([row.label]))
    axes.xaxis.set_major_locator(FixedLocator(style.ticks(top)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: told(row, value) if value else "0"))
    axes.xaxis.set_minor_locator(NullLocator())
    for colour in dict.fromkeys(colours):
        places = {
            round(value / top, _APART)
            for value, own in zip(row.values, colours, strict=True)
            if own == colour and _has_place(value)
        }
        at = [place * top for place in sorted(places)]
        axes.plot(at, [0] * len(at), "|", markersize=12, color=colour, alpha=0.7, clip_on=False)
    for index in row.far[:NAMED]:
        _name(axes, names[index], row.values[index])


def _name(axes: Axes, name: str, value: float) -> None:
    last = axes.get_xlim()[1]
    at = value if _has_place(value) else last
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
