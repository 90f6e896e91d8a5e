"""A comparison as one HTML file: readable without scripts, offline, and in a CI's artifact view."""

from __future__ import annotations

import functools
import math
from typing import Any

import jinja2
from markupsafe import Markup

from kb_tests.compare.comparison import Comparison
from kb_tests.compare.words import as_data, percent

FROM, TO = 0.2, 10.0
"""The ends of the axis of ratios."""

_WIDTH, _HEIGHT = 240, 26
_TICKS = ((0.25, "¼"), (0.5, "½"), (1.0, "same"), (2.0, "2x"), (4.0, "4x"), (8.0, "8x"))


def render(found: Comparison) -> str:
    """The page."""
    data: dict[str, Any] = as_data(found)
    told = {
        "allowed": percent(found.max_slower),
        "sure": f"{found.confidence * 100:.4g} %",
        "figures": list(dict.fromkeys(row.figure for row in found.rows)),
        "head": _head(),
        "bars": {
            (row.point, row.figure): _bar(row.low, row.ratio, row.high, f"{row.figure} of {row.point}")
            for row in found.rows
        },
    }
    return _environment().get_template("compare.html").render(found=data, told=told, style=_style())


def _x(ratio: float) -> float:
    place = math.log(min(max(ratio, FROM), TO) / FROM) / math.log(TO / FROM)
    return round(place * _WIDTH, 1)


def _head() -> Markup:
    texts = "".join(
        f'<text x="{_x(value)}" y="11" text-anchor="middle">{text}</text>' for value, text in _TICKS
    )
    return Markup(f'<svg width="{_WIDTH}" height="14" aria-hidden="true">{texts}</svg>')  # noqa: S704 (numbers)


def _bar(low: float, at: float, high: float, name: str) -> Markup:
    lines = "".join(
        f'<line class="{"same" if value == 1 else "grid"}" x1="{_x(value)}" x2="{_x(value)}" y1="0"'
        f' y2="{_HEIGHT}"/>'
        for value, _ in _TICKS
    )
    bar = ""
    if math.isfinite(high) or low > 0:
        begin, end = _x(low), _x(high)
        bar = f'<rect class="bar" x="{begin}" y="8" width="{max(3.0, round(end - begin, 1))}" height="10"/>'
        if high > TO:  # it does not end where the axis does
            bar += f'<path class="bar" d="M{_WIDTH - 7} 6L{_WIDTH} 13L{_WIDTH - 7} 20Z"/>'
        if low < FROM:
            bar += '<path class="bar" d="M7 6L0 13L7 20Z"/>'
    if math.isfinite(at) and FROM <= at <= TO:
        bar += f'<rect class="at" x="{_x(at) - 1.25}" y="4" width="2.5" height="18"/>'
    title = Markup("<title>{}</title>").format(name)
    return Markup(  # noqa: S704 (numbers, and a title that was escaped)
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img">{title}{lines}{bar}</svg>'
    )


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("kb_tests.compare"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _style() -> Markup:
    """The report's own style sheet, which has nothing to escape."""
    loader = jinja2.PackageLoader("kb_tests.report")
    return Markup(loader.get_source(_environment(), "report.css")[0])  # noqa: S704 (a file of ours)
