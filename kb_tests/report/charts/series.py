"""A point second by second: rates above, response times below, what was done to the cloud on both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from kb_tests.report import words
from kb_tests.report.charts.description import Axis, Band, Lane, Limit, Mark, Plot, Rows, Series
from kb_tests.report.marks import RecoveryRecord

HIGH, LOW = 0.72, 0.56
"""Of the lanes of times and of rates."""

BEHIND = 60.0
"""Seconds behind a window in which its requests may still end: no timeout is longer."""


def plot(
    name: str,
    at: Sequence[float],
    duration: float,
    rates: Iterable[Series],
    times: Iterable[Series],
    limits: Iterable[Limit] = (),
    marked: Sequence[RecoveryRecord] = (),
) -> Plot | None:
    """`at` are the seconds, below 0 for the warm-up; of those behind `duration` only what failed is shown: it
    was due in the window, and its timeout ended behind it. None without any.
    """
    rates, times = list(rates), list(times)
    within = [index for index, second in enumerate(at) if second < duration]
    if not within:
        return None
    late = [
        index
        for index, second in enumerate(at)
        if duration <= second < duration + BEHIND
        and any(one.role == "failed" and one.y[index] > 0 for one in rates)
    ]
    kept = [*within, *range(within[-1] + 1, late[-1] + 1)] if late else within
    first, last = float(at[kept[0]]), max(float(duration), float(at[kept[-1]]) + 1)
    upper, lower = ([_cut(series, kept, at, duration) for series in lane] for lane in (rates, times))
    behind = [Band(float(duration), last, "warm-up", "")] if late else []
    bands = [
        *([Band(first, 0.0, "warm-up", "warm-up")] if first < 0 else []),
        *behind,
        *_recoveries(marked, last),
    ]
    return Plot(
        name=name,
        title="Over time",
        says=_says(lower, [at[index] for index in kept]),
        x=Axis("clock", low=first, high=last),
        lanes=(
            Lane(Axis("number"), tuple(upper), height=LOW),
            Lane(Axis("time", scale="log"), tuple(lower), tuple(limits), height=HIGH),
        ),
        table=_table(
            [at[index] for index in kept],
            [*((one, words.number) for one in upper), *((one, words.duration) for one in lower)],
        ),
        bands=tuple(bands),
        marks=tuple(Mark(one.at, one.mark) for one in marked),
    )


def offered(rate: float, duration: float, name: str = "offered/s", tone: int = 0) -> list[Series]:
    """The rate that was asked for, as a line; none where nothing was."""
    return [Series(name, (0.0, duration), (rate, rate), tone=tone, role="compared")] if rate else []


def _cut(series: Series, kept: Sequence[int], at: Sequence[float], duration: float) -> Series:
    if series.role == "compared":
        return series
    if series.role != "failed":
        y = tuple(
            value if second < duration else math.nan for value, second in zip(series.y, at, strict=True)
        )
        series = replace(series, y=y)
    return Series(
        series.name,
        tuple(float(series.x[index]) for index in kept),
        tuple(float(series.y[index]) for index in kept),
        tone=series.tone,
        role=series.role,
        shape=series.shape,
        joined=series.joined,
    )


def _recoveries(marked: Sequence[RecoveryRecord], last: float) -> Iterable[Band]:
    """From each mark until all was good again."""
    for one in marked:
        until = one.at + (one.watched if one.seconds is None else one.seconds)
        if not one.unknown and until > one.at:
            yield Band(one.at, min(until, last), "recovery")


def _says(times: Sequence[Series], at: Sequence[float]) -> str:
    told = []
    for series in times:
        own = [
            value for value, second in zip(series.y, at, strict=True) if second >= 0 and 0 < value < math.inf
        ]
        if own and series.joined == "worst":
            told.append(f"{series.name} {words.span(own)}")
    return f"{', '.join(told)} in each second" if told else ""


def _table(at: Sequence[float], columns: Sequence[tuple[Series, Callable[[float], str]]]) -> Rows:
    own = [(series, told) for series, told in columns if series.role != "compared"]
    return Rows(
        ("Second", *(series.name for series, _ in own)),
        tuple(
            (
                f"{second:g}",
                *(told(series.y[index]) if math.isfinite(series.y[index]) else "-" for series, told in own),
            )
            for index, second in enumerate(at)
        ),
    )
