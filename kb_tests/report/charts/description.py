"""What a chart says, whoever draws it: a report's static pictures and those of the web pages are made of
this.

A description holds figures and words, no colours, pixels or fonts. Each kind of chart is a frozen
dataclass of its own; `Chart` is any of them. Numbers are plain floats in the units of their axis: NaN is
a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Form = Literal["number", "time", "share", "clock", "nines", "ratio"]
"""How values of an axis read: a count or rate, a response time, a share, seconds since the window began, a
percentile by its nines (2 is 99 %, 3 is 99.9 %), how many times as much.
"""

Scale = Literal["linear", "log"]

Role = Literal["measured", "compared", "failed"]
"""What a series is in its lane: what was measured, what that is set against, what went wrong."""

Shape = Literal["line", "steps", "dots"]

Joined = Literal["mean", "median", "worst"]
"""What stands for neighbours where there is no room for each of them."""

Wash = Literal["warm-up", "recovery", "failed", "kept", "broken", "open", "unmeasured", "fit"]


@dataclass(frozen=True)
class Axis:
    """One axis; `label` names what it is of. Where `low` or `high` is None, what is drawn decides; a linear
    one of rates begins at 0.
    """

    form: Form
    label: str = ""
    scale: Scale = "linear"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """Values over a lane's x axis: `x` and `y`, and `low`, `high`, `outcomes` and `texts` if given, are
    of one length.

    `low` and `high` are bounds of each value: whiskers where values are marked, else a band. `outcomes` marks
    each value by its verdict, "" for none; `texts` stand beside them. `beyond` are places whose value was
    beyond measure. Series of one `name` belong together in the key and have one `tone`, their number;
    `group` is what tells them apart, written at the end of the line.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    tone: int = 0
    role: Role = "measured"
    shape: Shape = "line"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    outcomes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    beyond: tuple[float, ...] = ()
    group: str = ""
    joined: Joined = "mean"


@dataclass(frozen=True)
class Limit:
    """A limit on what a lane shows, along all of it; with `x` a hurdle that the curve has to pass under
    there.

    `value` is what was measured there, None for unknown; `of` names the series that is held against it.
    """

    text: str
    at: float
    x: float | None = None
    value: float | None = None
    outcome: str = ""
    of: str = ""


@dataclass(frozen=True)
class Band:
    """A stretch of the x axis that means something, from `start` to `end`."""

    start: float
    end: float
    wash: Wash
    text: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that happened at a place of the x axis."""

    x: float
    text: str


@dataclass(frozen=True)
class Lane:
    """One y axis; the lanes of a plot share its x axis, the first is the uppermost. `height` is relative."""

    y: Axis
    series: tuple[Series, ...]
    limits: tuple[Limit, ...] = ()
    height: float = 1.0


@dataclass(frozen=True)
class Rows:
    """A chart as a table, for who cannot see it or wants its figures."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plot:
    """Values over an axis. `says` is one sentence with the figures that the picture shows."""

    name: str
    title: str
    says: str
    x: Axis
    lanes: tuple[Lane, ...]
    table: Rows
    bands: tuple[Band, ...] = ()
    marks: tuple[Mark, ...] = ()
    kind: Literal["plot"] = "plot"


@dataclass(frozen=True)
class StripRow:
    """One figure of every server, in their order; `far` are the places of those that are far from the
    others, the farthest first.
    """

    label: str
    form: Form
    values: tuple[float, ...]
    texts: tuple[str, ...]
    far: tuple[int, ...] = ()
    limit: float | None = None


@dataclass(frozen=True)
class Strips:
    """All servers side by side: `names` and `groups` (their hosts) are in one order, that of each row."""

    name: str
    title: str
    says: str
    names: tuple[str, ...]
    groups: tuple[str, ...]
    rows: tuple[StripRow, ...]
    table: Rows
    kind: Literal["strips"] = "strips"


Chart = Plot | Strips


def values(plot: Plot) -> Iterable[float]:
    """All that has to be seen of the y axes of a plot, limits too; what is not finite is left out."""
    for lane in plot.lanes:
        for series in lane.series:
            yield from (
                value
                for column in (series.y, series.low, series.high)
                for value in column
                if math.isfinite(value)
            )
        yield from (limit.at for limit in lane.limits)
