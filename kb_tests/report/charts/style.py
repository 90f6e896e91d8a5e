"""What all charts share: size, colours, axes, and the way from a matplotlib figure to inline SVG."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from html import escape

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from kb_tests.report import words

WIDTH = 520
FONT = 11
NEAREST, FARTHEST = 1e-9, 1e15
"""The least that two ends of an axis are apart, and what no value that is drawn reaches."""

INK, SOFT, LINE, WASH = "#1b1f24", "#59636e", "#d9dee4", "#eef0f3"
BLUE, LIGHT_BLUE, ORANGE = "#0072b2", "#8fc1e0", "#d55e00"
LINES = (BLUE, ORANGE, "#cc79a7", "#8a6d00", "#009e73", SOFT)
TONES = {"pass": "#0b7261", "fail": "#b3320c", "inconclusive": "#7d5800", "invalid": "#5b3f98"}
MARKERS = {"pass": "o", "fail": "X", "inconclusive": "D", "invalid": "s"}


def figure(height: int) -> Figure:
    """An empty figure, one CSS pixel to the point."""
    return Figure(figsize=(WIDTH / 72, height / 72), dpi=72, facecolor="none")


def place(fig: Figure, *, bottom: float, top: float, left: float = 50, right: float = 22) -> Axes:
    """Axes between margins in pixels, from the figure's edges; only their lower edge and a grid are drawn."""
    width, height = fig.get_figwidth() * 72, fig.get_figheight() * 72
    axes = fig.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    )
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color="#8d96a0", linewidth=1)
    axes.tick_params(length=0, labelsize=FONT, labelcolor=SOFT, pad=5)
    axes.grid(visible=True, color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    return axes


def key(fig: Figure, entries: Sequence[tuple[str, str, str]], *, left: float = 50, top: float = 4) -> None:
    """A line of (sign, name, colour) above the axes."""
    width, height = fig.get_figwidth() * 72, fig.get_figheight() * 72
    at = left
    for sign, name, colour in entries:
        fig.text(at / width, 1 - top / height, sign, color=colour, fontsize=FONT, va="top")
        fig.text((at + 14) / width, 1 - top / height, name, color=SOFT, fontsize=FONT, va="top")
        at += 14 + 7.2 * len(name) + 12


def apart(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis from `low` to `high`, numbers both: two, in order, within what a picture can
    hold, whether there was one value, none, or one beyond all bounds.
    """
    low = min(max(low, -FARTHEST), FARTHEST)
    high = min(max(high, -FARTHEST), FARTHEST)
    least = max(abs(low) * 1e-6, NEAREST)
    return low, high if high - low >= least else low + max(1.0, least)


def times(axes: Axes, shortest: float, longest: float) -> None:
    """A logarithmic y axis that holds `shortest` to `longest` seconds, with round ticks."""
    low, high = (min(max(seconds, 1e-6), FARTHEST) for seconds in (shortest, longest))
    low, high = low / 1.5, high * 2
    if high / low < 12:
        middle = math.sqrt(low * high)
        low, high = min(low, middle / 3.5), max(high, middle * 3.5)
    axes.set_ylim(low, high)  # else matplotlib first finds limits by itself, which all values may share
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    steps = (1, 2, 5) if high / low < 200 else (1,)
    every = 1 if high / low < 1e6 else 2
    ticks = [
        step * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1, every)
        for step in steps
    ]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: words.duration(seconds)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def rates(axes: Axes, highest: float) -> None:
    """A linear y axis from 0 that holds `highest`."""
    _, top = apart(0.0, highest * 1.12)
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(FixedLocator(ticks(top, most=4)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: short(rate)))


def ticks(top: float, most: int = 6) -> list[float]:
    """At most `most` round numbers from 0 up to `top`."""
    power = 10.0 ** math.floor(math.log10(top))
    step = next(
        size
        for size in (power * factor for factor in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5))
        if top / size < most
    )
    return [step * count for count in range(most) if step * count <= top]


def short(number: float) -> str:
    """A round number in little room: "500", "2.5k", "1M"."""
    for limit, letter in ((1e6, "M"), (1e4, "k")):
        if number >= limit:
            return f"{number / (1000 if letter == 'k' else 1e6):g}{letter}"
    return f"{number:,g}"


def svg(fig: Figure, name: str, description: str) -> Markup:
    """`fig` as an SVG element to stand in HTML; `name` sets its inner ids apart from other charts'."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        fig.savefig(out, format="svg", metadata=nothing)
    return Markup(_smaller(out.getvalue(), description))  # noqa: S704 (matplotlib escapes text)


def _smaller(text: str, description: str) -> str:
    """Without what only a file of its own needs; a tenth of a pixel is exact enough."""
    view = re.search(r'viewBox="[^"]*"', text)
    head = f'<svg role="img" {view[0] if view else ""} xmlns:xlink="http://www.w3.org/1999/xlink">'
    text = text[text.index(">", text.index("<svg")) + 1 :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", _smaller_tag, text)
    text = re.sub(r">\s+<", "><", text)
    for _ in range(3):
        text = re.sub(r"<g/>|<g></g>|<defs></defs>", "", text)
    return f"{head}<title>{escape(description)}</title>{text.strip()}"


def _smaller_tag(match: re.Match[str]) -> str:
    tag = re.sub(r"\s+", " ", match[0])
    tag = re.sub(
        r' id="(?:figure|axes|matplotlib|text|line2d|patch|xtick|ytick|PolyCollection|FillBetween)[^"]*"',
        "",
        tag,
    )
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r" ?font: ([\d.]+px)[^;\"]*;| ?(font-size: [\d.]+px;) font-family: [^;\"]*;", _font, tag)
    tag = tag.replace(" stroke-linecap: square", "")
    return re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), tag)


def _font(match: re.Match[str]) -> str:
    return f"font-size: {match[1]};" if match[1] else match[2]


Captioned = tuple[str, Markup]
