"""Across the points of a scenario: how response times and the achieved rate go with the offered rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kb_tests.report import words
from kb_tests.report.charts.description import Axis, Lane, Limit, Plot, Rows, Series
from kb_tests.report.http.figures import Figures
from kb_tests.sla.verdict import Check, Verdict

MOST = 3
"""Percentiles of one chart."""

LOAD = "offered, all generators together, per second"


@dataclass(frozen=True)
class Entry:
    """One measured point: its figures and its outcome, "" where none was given; points of one `group` are
    joined by a line of that name.
    """

    figures: Figures
    outcome: str
    group: str = ""
    verdict: Verdict | None = None

    @property
    def load(self) -> float:
        """The offered rate; for a closed loop, which offers none, the achieved one."""
        return self.figures.offered or self.figures.achieved

    def check(self, percent: float) -> Check | None:
        """That of a percentile."""
        name = f"latency p{percent:g}"
        return (
            next((check for check in self.verdict.checks if check.name == name), None)
            if self.verdict
            else None
        )


def latency(entries: Sequence[Entry], limits: Mapping[float, float], name: str) -> Plot | None:
    """Percentiles of response time over the load, marked by verdict; `limits` is {percent: seconds}.

    The first three limited percentiles are shown, or p50 and p99, the judged ones with their bounds. None if
    there is nothing to show.
    """
    points = sorted(entries, key=lambda entry: entry.load)
    percents = sorted(limits)[:MOST] or [50.0, 99.0]
    lines = [line for tone, percent in enumerate(percents) for line in _lines(points, percent, tone)]
    told = tuple(
        Limit(f"p{percent:g} ≤ {words.duration(limits[percent])}", limits[percent], of=f"p{percent:g}")
        for percent in percents
        if percent in limits
    )
    seen = [value for line in lines for value in line.y if math.isfinite(value)]
    if not seen and not told:
        return None
    worst = words.span(entry.figures.percentile(percents[-1]) for entry in points)
    says = f"p{percents[-1]:g} {worst}" if worst else ""
    return Plot(
        name=f"latency-{name}",
        title="Response time over load",
        says=", ".join(text for text in (says, *(f"limit {one.text}" for one in told[-1:])) if text),
        x=Axis("number", label=LOAD, low=0.0, high=_most(points)),
        lanes=(Lane(Axis("time", scale="log"), tuple(lines), told),),
        table=_table(points, [(f"p{percent:g}", _percentile(percent)) for percent in percents]),
    )


def achieved(entries: Sequence[Entry], name: str) -> Plot | None:
    """The achieved rate over the offered one, marked by verdict; None if there is nothing to show."""
    points = sorted(entries, key=lambda entry: entry.load)
    if not points:
        return None
    most = max(_most(points), *(entry.figures.achieved for entry in points))
    shares = [entry.figures.share for entry in points if entry.figures.offered]
    same = Series("all of it", (0.0, most), (0.0, most), role="compared")
    made = Series(
        "achieved",
        tuple(entry.load for entry in points),
        tuple(entry.figures.achieved for entry in points),
        outcomes=tuple(entry.outcome for entry in points),
    )
    return Plot(
        name=f"achieved-{name}",
        title="Achieved over load, requests/s",
        says=f"{words.share(min(shares))} of the offered rate at worst" if shares else "",
        x=Axis("number", label=LOAD, low=0.0, high=_most(points)),
        lanes=(Lane(Axis("number"), (same, made)),),
        table=_table(points, [("Achieved", lambda entry: words.number(entry.figures.achieved))]),
    )


def _most(points: Sequence[Entry]) -> float:
    return max((entry.load for entry in points), default=0.0) * 1.05 or 1.0


def _lines(points: Sequence[Entry], percent: float, tone: int) -> Iterator[Series]:
    """A line for each group; what is beyond measure stands above it."""
    for group in sorted({entry.group for entry in points}, key=_natural):
        own = [entry for entry in points if entry.group == group]
        found = [entry.figures.percentile(percent) for entry in own]
        checks = [entry.check(percent) for entry in own]
        yield Series(
            name=f"p{percent:g}",
            x=tuple(entry.load for entry in own),
            y=tuple(value if 0 < value < math.inf else math.nan for value in found),
            tone=tone,
            outcomes=tuple(entry.outcome for entry in own),
            beyond=tuple(entry.load for entry, value in zip(own, found, strict=True) if math.isinf(value)),
            group=group,
            low=tuple(check.low if check else math.nan for check in checks) if any(checks) else (),
            high=tuple(check.high if check else math.nan for check in checks) if any(checks) else (),
        )


def _percentile(percent: float) -> Callable[[Entry], str]:
    return lambda entry: words.duration(entry.figures.percentile(percent))


def _table(points: Sequence[Entry], columns: Sequence[tuple[str, Callable[[Entry], str]]]) -> Rows:
    grouped = any(entry.group for entry in points)
    return Rows(
        ("Offered/s", *(["Line"] if grouped else []), *(name for name, _ in columns), "Verdict"),
        tuple(
            (
                words.number(entry.load),
                *([entry.group] if grouped else []),
                *(told(entry) for _, told in columns),
                entry.outcome or "-",
            )
            for entry in points
        ),
    )


def _natural(group: str) -> tuple[int, str]:
    """Names that begin with a number, by that."""
    return len(group.split(" ")[0]), group
