"""How a scenario's figures go with the number of clients: what may be fitted, and what is said of it.

Fitted are capacities, and what closed loops were given. What an open loop achieves is what it offers until it
breaks: a law fitted to that would praise the generators.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb_tests.report import words
from kb_tests.report.charts.description import Axis, Band, Lane, Plot, Rows, Series
from kb_tests.report.record import PointRecord, RunRecord
from kb_tests.report.workloads import presentation
from kb_tests.sla.verdict import Outcome

if TYPE_CHECKING:
    from kb_tests.sla.scaling import Law, Scale, Scaling

TWO_SIDED = 1.96
"""Standard errors of an interval at 95 %."""

OPEN_LOOPS = (
    "What open loops achieve is what they offer, until they break: it says nothing of how a cloud scales."
    " Search a capacity at each scale (load.capacity), or run closed loops (rate: 0)."
)

RATES = ("rate", "rate_iops")
"""Capacities that are a rate: what all clients together carry."""

_DRAWN = 60


@dataclass(frozen=True)
class Progression:
    """One load at several scales. `what` was found at each: "capacity" or "closed loop", in `unit`;
    `left_out` are sentences on scales that say nothing.
    """

    scenario: str
    load: str
    what: str
    unit: str
    found: Scaling
    left_out: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is of."""
        return ", ".join(filter(None, (self.scenario, self.load, self.what)))


def progressions(points: Sequence[PointRecord]) -> list[Progression]:
    """Those of a run's or a scenario's points: all of two scales and more that are of one load."""
    from kb_tests.sla.scaling import scaling

    scales: dict[tuple[str, str, str, str], dict[int, Scale]] = {}
    left_out: dict[tuple[str, str, str, str], list[str]] = {}
    for record in points:  # of a point that ran again, the last attempt
        entry = _entry(record)
        if entry is None:
            continue
        key, scale, why = entry
        if why:
            left_out.setdefault(key, []).append(f"{record.title}: {why}")
        else:
            scales.setdefault(key, {})[scale.clients] = scale
    return [
        Progression(*key, scaling(list(found.values())), tuple(left_out.get(key, ())))
        for key, found in scales.items()
        if len(found) > 1
    ]


def _entry(record: PointRecord) -> tuple[tuple[str, str, str, str], Scale, str] | None:
    """What a point is part of, what it says of its scale, or why it says nothing; None if of none."""
    from kb_tests.sla.bounds import Mean, batches
    from kb_tests.sla.scaling import Scale

    point, shown = record.point, presentation(record.point)
    nothing = Scale(point.clients, math.nan, math.inf)
    if record.capacity is not None:
        found = record.capacity
        if found.of not in RATES:
            return None
        key = (point.scenario, shown.series(point), "capacity", found.unit)
        if not math.isfinite(found.middle) or not 0 < found.low <= found.high:
            return key, nothing, "no capacity was found."
        error = math.log(found.high / found.low) / (2 * TWO_SIDED)
        return key, Scale(found.clients, found.middle * found.factor, error), ""
    rates = shown.closed_loop(record)
    if rates is None:
        return None
    key = (point.scenario, shown.series(point), "closed loop", shown.unit)
    if record.outcome is Outcome.INVALID or record.doubts:
        return key, nothing, "its instruments failed."
    parts = [rates[part] for part in batches(len(rates))]
    mean = Mean.of([sum(part) / len(part) for part in parts], 0.0)
    return key, Scale(point.clients, mean.value, mean.error / mean.value if mean.value > 0 else math.inf), ""


def has_open_loops(record: RunRecord) -> bool:
    """Whether it has points that say nothing of how a cloud scales."""
    return any(point.measurement is not None and _entry(point) is None for point in record.points)


def sentences(one: Progression) -> list[str]:
    """What a progression shows, and what it does not."""
    found, law = one.found, one.found.law
    told = [] if law is None else [_peak(law, found), _guess(law, found, one.unit)]
    return [*(told or [found.refusal]), *(f"Left out: {text}" for text in one.left_out)]


def _peak(law: Law, found: Scaling) -> str:
    if law.claimed:
        return (
            f"From {law.peak_low:,.0f} to {law.peak_high:,.0f} clients (95 %) on, more of them are given"
            " less: what each pair costs outweighs what another one brings."
        )
    return f"No peak is shown up to {found.largest:,} clients."


def _guess(law: Law, found: Scaling, unit: str) -> str:
    from kb_tests.sla.scaling import REACH

    clients = REACH * found.largest
    value, low, high = law.at(clients)
    return (
        f"{clients:,.0f} clients may be given {words.number(value)} {unit} ({words.number(low)} to"
        f" {words.number(high)}): a guess, since nothing ran beyond {found.largest:,}."
    )


def text(one: Progression) -> Iterator[str]:
    """For a terminal: a table, then what it shows."""
    yield f"{one.title}, {one.unit}"
    yield f"{'clients':>9}{'together':>14}{'efficiency':>12}"
    for scale, share in zip(one.found.scales, one.found.efficiency(), strict=True):
        yield f"{scale.clients:>9,}{words.number(scale.rate):>14}{words.share(share):>12}"
    yield from sentences(one)


def as_json(one: Progression) -> dict[str, object]:
    """For programs: what is not known is null."""
    law = one.found.law
    parts: dict[str, object] = {
        "scenario": one.scenario,
        "load": one.load,
        "what": one.what,
        "unit": one.unit,
    }
    parts["scales"] = [
        {"clients": scale.clients, "rate": scale.rate, "efficiency": share}
        for scale, share in zip(one.found.scales, one.found.efficiency(), strict=True)
    ]
    parts["sentences"] = sentences(one)
    parts["law"] = None
    if law is not None:
        peak = [law.peak_low, law.peak_high] if law.claimed else None
        parts["law"] = dict(zip("gab", law.best, strict=True)) | {"peak": peak}
    return parts


def chart(one: Progression, name: str) -> Plot | None:
    """What was found over the number of clients, and the law; beyond the largest scale it is a guess."""
    from kb_tests.sla.scaling import REACH

    scales, law = one.found.scales, one.found.law
    if len(scales) < 2:
        return None
    clients, rates = [float(scale.clients) for scale in scales], [scale.rate for scale in scales]
    straight = min(clients[-1], 1.2 * max(rates) * clients[0] / rates[0])  # that the curve keeps its room
    reach = [math.exp(min(10.0, TWO_SIDED * scale.sure)) for scale in scales]
    series = [
        Series("linear", (0.0, straight), (0.0, straight * rates[0] / clients[0]), role="compared", tone=1)
    ]
    end = clients[-1]
    bands: tuple[Band, ...] = ()
    if law is not None:
        end = REACH * clients[-1]
        places = tuple(clients[0] + (end - clients[0]) * step / _DRAWN for step in range(_DRAWN + 1))
        best, low, high = zip(*(law.at(place) for place in places), strict=True)
        series.append(Series("scaling law", places, best, role="compared", tone=2, low=low, high=high))
        bands = (Band(clients[-1], end, "unmeasured", "a guess: nothing ran here"),)
    series.append(
        Series(
            one.what,
            tuple(clients),
            tuple(rates),
            shape="dots",
            low=tuple(rate / by for rate, by in zip(rates, reach, strict=True)),
            high=tuple(rate * by for rate, by in zip(rates, reach, strict=True)),
        )
    )
    shares = one.found.efficiency()
    return Plot(
        name=f"scaling-{name}",
        title=f"{', '.join(filter(None, (one.load, one.what)))} by clients, {one.unit}",
        says=f"{words.share(shares[-1])} of linear at {scales[-1].clients:,} clients. {sentences(one)[0]}",
        x=Axis("number", label="clients", low=0.0, high=end),
        lanes=(Lane(Axis("number"), tuple(series)),),
        table=Rows(
            ("Clients", f"Together, {one.unit}", "Efficiency"),
            tuple(
                (f"{scale.clients:,}", words.number(scale.rate), words.share(share))
                for scale, share in zip(scales, shares, strict=True)
            ),
        ),
        bands=bands,
    )
