"""A `Plot` as a static picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

from kb_tests.report import words
from kb_tests.report.charts import style
from kb_tests.report.charts.axes import MOST, Values, binned, positive, time_axis
from kb_tests.report.charts.description import Axis, Band, Form, Lane, Limit, Plot, Series

LANE = 152
"""Pixels of a lane whose height is 1."""

KEY = 22
GAP = 8
NAMED = 8
"""Marks whose names are written; lines are drawn of all."""

LONGEST = 24
WASHES = {
    "warm-up": style.WASH,
    "recovery": "#efeaf6",
    "failed": style.WASH,
    "kept": "#e3f0ed",
    "broken": "#f8e7e1",
    "open": "#f6efdd",
    "unmeasured": style.WASH,
    "fit": "#e3e6ea",
}
MARK = "#5b3f98"
SIGNS = {"pass": "●", "fail": "✖", "inconclusive": "◆", "invalid": "■"}
JOINED: dict[str, Callable[[Values], float]] = {
    "mean": lambda values: float(np.nanmean(values)),
    "median": lambda values: float(np.nanmedian(values)),
    "worst": lambda values: float(np.nanmax(values)),
}
DASHES = (0, (4, 3))
DOTS = (0, (1, 2))
PAPER = {"facecolor": "#fff", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
"""Behind words, so that no line runs through them."""


def draw(plot: Plot) -> Markup | None:
    """`plot` as an SVG element; None where it has no value that can be drawn."""
    lanes = [lane for lane in plot.lanes if any(True for _ in _shown(lane))]
    if not lanes:
        return None
    keys = [_key(lane) for lane in lanes]
    below = 42 if plot.x.label else 26
    heights = [round(LANE * lane.height) for lane in lanes]
    above = [4 + KEY * len(rows) + (GAP if number else 0) for number, rows in enumerate(keys)]
    total = sum(heights) + sum(above) + below
    fig = style.figure(total)
    reach = _reach(plot, lanes)
    top = 0
    for lane, rows, height, room in zip(lanes, keys, heights, above, strict=True):
        for number, row in enumerate(rows):
            style.key(fig, row, top=top + room - KEY * (len(rows) - number))
        top += room
        axes = style.place(fig, bottom=total - top - height, top=top)
        top += height
        _x_axis(axes, plot.x, reach)
        _lane(axes, lane, plot, reach)
        last = lane is lanes[-1]
        _x_axis(axes, plot.x, reach)
        _bands(axes, plot.bands, reach, names=lane is lanes[0])
        _marks(axes, plot, reach, names=lane is lanes[0])
        if not last:
            axes.tick_params(labelbottom=False)
    if plot.x.label:
        axes.set_xlabel(plot.x.label, color=style.SOFT, fontsize=style.FONT)
    return style.svg(fig, plot.name, f"{plot.title}: {plot.says}" if plot.says else plot.title)


def _shown(lane: Lane) -> Iterator[float]:
    """Values that have a place in a lane."""
    for series in lane.series:
        for column in (series.y, series.low, series.high):
            yield from (value for value in column if _has_place(value, lane.y))


def _has_place(value: float, axis: Axis) -> bool:
    return abs(value) < style.FARTHEST and (axis.scale == "linear" or 0 < value < 1e5)


def _reach(plot: Plot, lanes: Sequence[Lane]) -> tuple[float, float]:
    every = [x for lane in lanes for series in lane.series for x in (*series.x, *series.beyond)]
    whole = 1.0 if plot.x.form == "clock" else 0.0
    low = plot.x.low if plot.x.low is not None else min([0.0, *every])
    high = (
        plot.x.high if plot.x.high is not None else max(every, default=1.0) * (1 if whole else 1.05) + whole
    )
    return style.apart(low, high)


def _x_axis(axes: Axes, axis: Axis, reach: tuple[float, float]) -> None:
    low, high = reach
    if axis.form == "clock":
        time_axis(axes, low, high)
        return
    axes.set_xlim(low, high)
    if axis.scale == "log":
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    if axis.form == "nines":
        nines = [0.0, math.log10(2), *(float(power) for power in range(1, math.floor(high) + 1))]
        axes.xaxis.set_major_locator(FixedLocator(nines))
        axes.xaxis.set_major_formatter(FixedFormatter([_nines(nine) for nine in nines]))
        return
    if axis.scale == "linear":
        axes.xaxis.set_major_locator(FixedLocator(style.ticks(high)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _form(axis.form)(value)))


def _nines(nines: float) -> str:
    return "" if nines == 0 else f"{100 * (1 - 10**-nines):.10g}%"


def _form(form: Form) -> Callable[[float], str]:
    forms: dict[str, Callable[[float], str]] = {
        "time": words.duration,
        "share": words.share,
        "ratio": lambda value: f"{value:g} times",
        "clock": lambda value: f"{value:g}s",
        "nines": _nines,
        "number": style.short,
    }
    return forms[form]


def _y_axis(axes: Axes, axis: Axis, shown: Sequence[float]) -> None:
    low = axis.low if axis.low is not None else min(shown, default=0.001)
    high = axis.high if axis.high is not None else max(shown, default=1.0)
    if axis.scale == "log":
        style.times(axes, low, high)
        if axis.form != "time":
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _form(axis.form)(value)))
        return
    style.rates(axes, max(high, 0.0))
    if axis.form != "number":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _form(axis.form)(value)))


def _y_label(axes: Axes, text: str) -> None:
    """Beside the axis' upper end: what rises with load leaves that corner free."""
    axes.annotate(
        words.printable(text),
        (0, 1),
        xycoords="axes fraction",
        xytext=(6, -3),
        textcoords="offset points",
        va="top",
        color=style.SOFT,
        fontsize=style.FONT,
        bbox=PAPER,
    )


def _lane(axes: Axes, lane: Lane, plot: Plot, reach: tuple[float, float]) -> None:
    names = [series.name for series in lane.series if series.role == "measured"]
    shown: list[float] = [limit.at for limit in lane.limits if _has_place(limit.at, lane.y)]
    beyond = []
    for given in lane.series:
        series = _fitting(given, plot.x, reach)
        shown += _series(axes, series, lane.y, named=not names or series.name == names[-1])
        beyond += [(x, _colour(series)) for x in series.beyond]
    _y_axis(axes, lane.y, shown)
    if lane.y.label:
        _y_label(axes, lane.y.label)
    for x, colour in beyond:
        axes.plot([x], [axes.get_ylim()[1]], marker="^", markersize=6, color=colour, clip_on=False)
    for limit in lane.limits:
        _limit(axes, limit, lane, plot, reach)


def _colour(series: Series) -> str:
    if series.role == "failed":
        return style.TONES["fail"]
    return style.SOFT if series.role == "compared" else style.LINES[series.tone % len(style.LINES)]


def _fitting(series: Series, axis: Axis, reach: tuple[float, float]) -> Series:
    """With no more values over time than there is room for; each in the middle of its second or step."""
    if axis.form != "clock" or not series.x:
        return series
    step = max(1, math.ceil((reach[1] - reach[0]) / MOST))
    at, y = np.array(series.x), np.array(series.y, np.float64)
    if series.role == "compared":
        return series
    if step == 1:
        return replace(series, x=tuple(at + 0.5))
    bins = ((at - at[0]) // step).astype(int)
    middles = tuple(at[0] + (np.unique(bins) + 0.5) * step)
    joined = JOINED[series.joined]
    found = tuple(map(float, binned(y, bins, joined)))
    if series.joined != "mean" or series.role == "failed":
        return replace(series, x=middles, y=found)
    low, high = (tuple(map(float, binned(y, bins, function))) for function in (np.nanmin, np.nanmax))
    return replace(series, x=middles, y=found, low=low, high=high)


def _series(axes: Axes, series: Series, axis: Axis, *, named: bool) -> list[float]:
    colour = _colour(series)
    y = np.array(series.y, np.float64)
    y = positive(y) if axis.scale == "log" else np.where(np.abs(y) < style.FARTHEST, y, np.nan)
    x = np.array(series.x, np.float64)
    x = np.where(np.abs(x) < style.FARTHEST, x, np.nan)
    if not len(x):
        return []
    shown = [float(value) for value in y if math.isfinite(value)]
    if series.low:
        low, high = (np.array(side, np.float64) for side in (series.low, series.high))
        near = (np.where(np.abs(side) < style.FARTHEST, side, np.nan) for side in (low, high))
        low, high = (positive(low), positive(high)) if axis.scale == "log" else near
        shown += [float(value) for side in (low, high) for value in side if math.isfinite(value)]
        if series.shape == "dots" or series.outcomes:
            _whiskers(axes, series, x, y, (low, high))
        else:
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    if series.shape != "dots":
        marked = bool(series.outcomes)
        line = DASHES if series.role == "compared" else "-"
        width = 1.0 if series.role == "compared" else 1.2 if marked else 1.6
        how = "steps-mid" if series.shape == "steps" else "default"
        axes.plot(
            x, y, color=colour, linewidth=width, linestyle=line, drawstyle=how, alpha=0.7 if marked else 1.0
        )
    _outcomes(axes, series, x, y)
    for at, value, text in zip(x, y, series.texts, strict=False):
        if text and math.isfinite(value):
            _beside(axes, at, value, text)
    last = [at for at in range(len(x)) if math.isfinite(y[at])][-1:]
    if series.group and named and last:
        _beside(axes, x[last[0]], y[last[0]], series.group)
    return shown


def _whiskers(axes: Axes, series: Series, x: Values, y: Values, bounds: tuple[Values, Values]) -> None:
    outcomes = series.outcomes or ("",) * len(x)
    known = np.concatenate([y, *bounds])
    top = max(known[np.isfinite(known)], default=1.0)
    for at, value, low, high, said, outcome in zip(x, y, *bounds, series.high, outcomes, strict=True):
        ends = [end for end in (low, value, high) if math.isfinite(end)]
        if ends and math.isinf(said):
            ends.append(10 * top)  # up to the frame, which clips it
        if len(ends) > 1:
            tone = style.TONES.get(outcome, _colour(series))
            axes.plot([at, at], [min(ends), max(ends)], color=tone, linewidth=1.3)


def _outcomes(axes: Axes, series: Series, x: Values, y: Values) -> None:
    outcomes = series.outcomes or (("",) * len(x) if series.shape == "dots" else ())
    size = 7 if len(x) <= 20 else 4.5
    for outcome in dict.fromkeys(outcomes):
        own = [at for at, one in enumerate(outcomes) if one == outcome]
        axes.plot(
            x[own],
            y[own],
            linestyle="none",
            marker=style.MARKERS.get(outcome, "o"),
            markersize=size,
            markerfacecolor=style.TONES.get(outcome, style.SOFT),
            markeredgecolor="#fff",
            markeredgewidth=0.8,
            clip_on=False,
        )


def _beside(axes: Axes, x: float, y: float, text: str) -> None:
    """Beside its point, on the side that has room, and not above it, where its bounds are."""
    left, right = axes.get_xlim()
    is_last = x > left + (right - left) * 0.75
    axes.annotate(
        words.printable(text),
        (x, y),
        xytext=(-6, 5) if is_last else (6, 2),
        textcoords="offset points",
        ha="right" if is_last else "left",
        color=style.SOFT,
        fontsize=style.FONT,
        bbox=PAPER,
        parse_math=False,
    )


def _limit(axes: Axes, limit: Limit, lane: Lane, plot: Plot, reach: tuple[float, float]) -> None:
    if not _has_place(limit.at, lane.y):
        return
    if limit.x is not None:
        _hurdle(axes, limit)
        return
    of = [series for series in lane.series if series.name == limit.of]
    colour = _colour(of[0]) if of else style.TONES["fail"]
    axes.plot([max(reach[0], 0.0), reach[1]], [limit.at] * 2, color=colour, linewidth=1, linestyle=DOTS)
    over_time = plot.x.form == "clock"
    axes.annotate(
        limit.text,
        (1 if over_time else 0, limit.at),
        xycoords=("axes fraction", "data"),
        xytext=(0 if over_time else 3, 2),
        textcoords="offset points",
        ha="right" if over_time else "left",
        va="bottom",
        color=colour,
        fontsize=style.FONT - 1,
        bbox=PAPER,
        parse_math=False,
    )


def _hurdle(axes: Axes, limit: Limit) -> None:
    """A marker that points at the curve, from above while the limit is kept."""
    assert limit.x is not None
    tone = style.TONES.get(limit.outcome, style.SOFT)
    value = math.nan if limit.value is None else limit.value
    above = not value > limit.at
    if 0 < value < math.inf:
        axes.plot([limit.x] * 2, [max(value, 1e-6), limit.at], color=tone, linewidth=1, linestyle=DOTS)
    axes.plot([limit.x], [limit.at], marker="v" if above else "^", markersize=6, color=tone, clip_on=False)
    axes.annotate(
        limit.text,
        (limit.x, limit.at),
        xytext=(0, 5 if above else -5),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        color=tone,
        fontsize=style.FONT,
        parse_math=False,
    )


def _bands(axes: Axes, bands: Sequence[Band], reach: tuple[float, float], *, names: bool) -> None:
    for band in bands:
        start, end = max(band.start, reach[0]), min(band.end, reach[1])
        if end <= start:
            continue
        hatch = "//" if band.wash == "unmeasured" else None
        axes.axvspan(
            start, end, facecolor=WASHES[band.wash], edgecolor=style.LINE, hatch=hatch, linewidth=0, zorder=0
        )
        wide = (end - start) / (reach[1] - reach[0])
        if not band.text or not (names or band.wash == "failed") or (wide < 0.1 and band.wash != "failed"):
            continue
        failed = band.wash == "failed"
        early = not failed or start < reach[0] + (reach[1] - reach[0]) * 0.6
        axes.annotate(
            band.text,
            (start, 0),
            xycoords=("data", "axes fraction"),
            xytext=(5 if early else -5, 4),
            textcoords="offset points",
            ha="left" if early else "right",
            color=style.TONES["fail"] if failed else style.SOFT,
            fontsize=style.FONT,
            parse_math=False,
        )


def _marks(axes: Axes, plot: Plot, reach: tuple[float, float], *, names: bool) -> None:
    for number, mark in enumerate(plot.marks):
        axes.axvline(mark.x, color=MARK, linewidth=1.1, linestyle=(0, (3, 2)))
        if not names or number >= NAMED:
            continue
        text = words.printable(mark.text)
        text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        right = mark.x > reach[1] * 0.6
        axes.text(
            mark.x,
            1.0,
            f"{text} " if right else f" {text}",
            transform=axes.get_xaxis_transform(),
            color=MARK,
            fontsize=style.FONT,
            ha="right" if right else "left",
            va="top",
            parse_math=False,
        )


Entry = tuple[str, str, str]


def _key(lane: Lane) -> list[list[Entry]]:
    """Lines of (sign, name, colour) above a lane, as many as its width takes."""
    entries: list[Entry] = []
    for series in lane.series:
        sign = "╌" if series.role == "compared" else "■" if not series.outcomes else "━"
        if series.name and series.shape != "dots":
            entries.append((sign, words.printable(series.name), _colour(series)))
    if any(limit.x is not None for limit in lane.limits):
        entries.append(("▾", "limit", style.SOFT))
    elif lane.limits:
        entries.append(("┈", "limit", style.SOFT))
    used = [outcome for series in lane.series for outcome in series.outcomes if outcome in SIGNS]
    entries += [(SIGNS[outcome], outcome, style.TONES[outcome]) for outcome in SIGNS if outcome in used]
    rows: list[list[Entry]] = [[]]
    room = 0.0
    for entry in dict.fromkeys(entries):
        room += 26 + 7.2 * len(entry[1])
        if room > style.WIDTH - 60 and rows[-1]:
            rows.append([])
            room = 26 + 7.2 * len(entry[1])
        rows[-1].append(entry)
    return [row for row in rows if row] or [[]]


__all__ = ["draw"]
