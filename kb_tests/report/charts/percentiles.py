"""Percentile curve: how slow the slowest requests are, with the SLA's limits as hurdles on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kb_tests.measure.histogram import Histogram
from kb_tests.report import words
from kb_tests.report.charts.description import Axis, Band, Lane, Limit, Plot, Role, Rows, Series
from kb_tests.sla.verdict import Check

STEPS = 120
TOLD = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999)
"""Percentiles of the table, as far as the sample has them."""


@dataclass(frozen=True)
class Curve:
    """Times of `due` requests of which `answered` have one: those without are the slowest of all."""

    name: str
    times: Histogram
    due: int
    answered: int
    end: float
    role: Role = "measured"
    tone: int = 0


@dataclass(frozen=True)
class Hurdle:
    """A limit on a percentile of one of the curves, and what was measured there."""

    percent: float
    check: Check
    of: str = ""


def plot(
    name: str,
    title: str,
    curves: Sequence[Curve],
    hurdles: Iterable[Hurdle],
    failed: tuple[float, str] | None = None,
) -> Plot:
    """The curves on a scale of ever more nines; `failed` is from where on there are only failed requests,
    and how many.
    """
    found = tuple(hurdles)
    limits = tuple(_limit(hurdle, _reach(curves, hurdle.of)) for hurdle in found)
    last = max([1.0, *(_reach([one]) for one in curves), *(limit.x or 0.0 for limit in limits)])
    bands = (Band(failed[0], last * 1.04, "failed", failed[1]),) if failed else ()
    return Plot(
        name=name,
        title=title,
        says=_says(found),
        x=Axis("nines", low=0.0, high=last * 1.04),
        lanes=(Lane(Axis("time", scale="log"), tuple(map(_series, curves)), limits, height=1.5),),
        table=_table(curves),
        bands=bands,
    )


def curve(histogram: Histogram, due: int, answered: int, end: float) -> tuple[list[float], list[float]]:
    """Places on the axis and times in seconds: of `due` requests the `answered` fastest, up to `end`."""
    at = np.linspace(0, end, STEPS)
    ranks = np.clip(np.ceil(due * (1 - 10.0**-at)), 1, min(answered, histogram.count) or 1).astype(int)
    points = [(float(place), histogram.at_rank(int(rank))) for place, rank in zip(at, ranks, strict=True)]
    if histogram.count:
        points.append((end, histogram.at_rank(min(answered, histogram.count))))
    kept = [point for point in points if math.isfinite(point[1])]
    return [place for place, _ in kept], [max(seconds, 1e-6) for _, seconds in kept]


def _series(one: Curve) -> Series:
    at, seconds = curve(one.times, one.due, one.answered, one.end)
    return Series(one.name, tuple(at), tuple(seconds), tone=one.tone, role=one.role)


def _reach(curves: Sequence[Curve], of: str = "") -> float:
    own = [one for one in curves if one.name == of] or list(curves)
    return max((math.log10(one.due) for one in own if one.due), default=1.0)


def _limit(hurdle: Hurdle, reach: float) -> Limit:
    check = hurdle.check
    return Limit(
        text=words.duration(check.limit),
        at=check.limit,
        x=place(hurdle.percent, reach),
        value=check.value,
        outcome=str(check.outcome),
        of=hurdle.of,
    )


def place(percent: float, reach: float) -> float:
    """Where a percentile is on the axis; the longest time of all stands where the sample ends."""
    return -math.log10(1 - percent / 100) if percent < 100 else reach


def _says(hurdles: Sequence[Hurdle]) -> str:
    told = [
        f"{words.subject(check)} is {words.duration(check.value)}, limit {words.duration(check.limit)}"
        for check in (hurdle.check for hurdle in hurdles)
    ]
    return "; ".join(told)


def _table(curves: Sequence[Curve]) -> Rows:
    most = max((one.due for one in curves), default=0)
    percents = [percent for percent in TOLD if most * (1 - percent / 100) >= 1]
    rows = [(f"p{percent:g}", *(_told(one, percent) for one in curves)) for percent in percents]
    return Rows(("Percentile", *(one.name for one in curves)), tuple(rows))


def _told(one: Curve, percent: float) -> str:
    rank = max(1, math.ceil(round(one.due * percent / 100, 6)))
    if rank > min(one.answered, one.times.count):
        return words.BEYOND if one.due else "-"
    return words.duration(one.times.at_rank(rank))
