"""The pictures of a capacity search: what each load showed, what was over the limit around the capacity, and
how the search narrowed; and every load that it tried as a table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from kb_tests.report import words
from kb_tests.report.capacity import CapacityRecord, LimitSeen, ProbeRecord
from kb_tests.report.charts.description import Axis, Band, Chart, Form, Lane, Limit, Plot, Rows, Series
from kb_tests.scenario.units import counted
from kb_tests.sla.capacity.isotonic import crossing
from kb_tests.sla.capacity.model import NUMBERED
from kb_tests.sla.verdict import Check, Outcome

Checks = Mapping[str, Check]
"""Of the limit that breaks first, what each probe measured, by the probe's id."""

VERDICT = "Verdict"
TOLD = {Outcome.PASS: "kept", Outcome.FAIL: "broken", Outcome.INCONCLUSIVE: "cannot tell"}
"""A probe that breaks a limit is no failure: that is what a search looks for."""

AROUND = 1.35
"""How far around the interval is drawn larger, as a factor of its ends."""

_FORMS: dict[str, Form] = {"s": "time", "": "share"}


def charts(found: CapacityRecord, name: str, checks: Checks) -> list[Chart]:
    """Those of one search; empty if it made no probe."""
    if not found.probes:
        return []
    name = re.sub(r"[^a-z0-9-]+", "-", name.lower())
    made = [_measured(found, f"{name}-by-load", checks), _around(found, f"{name}-around-the-limit")]
    return [*(one for one in made if one is not None), _in_order(found, f"{name}-in-order")]


def tried(found: CapacityRecord, checks: Checks) -> Rows:
    """Every load that was tried, in order, as a table."""
    measured = (found.limit, "True value") if checks else ()
    columns = (
        "#",
        "Load",
        "Window",
        "Why",
        *measured,
        "Over the limit",
        VERDICT,
        "Then the capacity seems to be",
    )
    rows = (_row(found, number, probe, checks) for number, probe in enumerate(found.probes, 1))
    return Rows(columns, tuple(rows))


def _row(found: CapacityRecord, number: int, probe: ProbeRecord, checks: Checks) -> tuple[str, ...]:
    seen = _limit(found, probe)
    measured: tuple[str, ...] = ()
    if checks:
        check = checks.get(probe.id)
        measured = ("-", "-") if check is None else (_value(check, check.value), _interval(check))
    return (
        str(number),
        f"{found.of_all(probe.load)} {found.unit}",
        words.duration(probe.seconds),
        probe.phase,
        *measured,
        words.share(max(0.0, seen.bad) / seen.due) if seen and seen.due else "-",
        TOLD.get(probe.outcome, str(probe.outcome)),
        _seems(found, *seeming(found, number)),
    )


def _value(check: Check, value: float) -> str:
    return words.quantity(value, check.unit) if math.isfinite(value) else "-"


def _interval(check: Check) -> str:
    if not math.isfinite(check.low) or (not math.isfinite(check.high) and not check.low):
        return "-"
    low = words.quantity(check.low, check.unit)
    return f"{low} to {_value(check, check.high)}" if math.isfinite(check.high) else f"over {low}"


def seeming(found: CapacityRecord, probes: int) -> tuple[float, float]:
    """Between which loads the first limit seems to be crossed after so many probes, by their figures alone: 0
    and infinity where no load is on that side.
    """
    names = dict.fromkeys(seen.name for probe in found.probes for seen in probe.limits)
    ends = []
    for name in names:
        counts = [
            (probe.load, seen.bad, seen.due, seen.allowed)
            for probe in found.probes[:probes]
            for seen in probe.limits
            if seen.name == name and seen.due
        ]
        if counts:
            ends.append(crossing(((load, bad, due) for load, bad, due, _ in counts), counts[0][3]))
    return min((keeps for keeps, _ in ends), default=0.0), min(
        (breaks for _, breaks in ends), default=math.inf
    )


def _seems(found: CapacityRecord, low: float, high: float) -> str:
    match low > 0, math.isfinite(high):
        case True, True:
            return f"{found.of_all(low)} to {found.of_all(high)}"
        case True, False:
            return f"over {found.of_all(low)}"
        case False, True:
            return f"under {found.of_all(high)}"
        case _:
            return "-"


def _limit(found: CapacityRecord, probe: ProbeRecord) -> LimitSeen | None:
    return next((seen for seen in probe.limits if seen.name == found.limit), None)


def _numbers(found: CapacityRecord) -> tuple[str, ...]:
    """When each load was tried; of one that was tried several times all numbers stand at its first."""
    by: dict[float, list[int]] = {}
    for number, probe in enumerate(found.probes, 1):
        by.setdefault(probe.load, []).append(number)
    return tuple(
        ", ".join(map(str, by[probe.load])) if by[probe.load][0] == number else ""
        for number, probe in enumerate(found.probes, 1)
    )


def _measured(found: CapacityRecord, name: str, checks: Checks) -> Plot | None:
    """The figure that breaks first, by load, with its bounds."""
    known = [checks.get(probe.id) for probe in found.probes]
    first = next((check for check in known if check is not None), None)
    if first is None:
        return None
    form = _FORMS.get(first.unit, "number")
    log = form == "time"
    loads = tuple(probe.load * found.factor for probe in found.probes)
    dots = Series(
        found.limit,
        loads,
        tuple(math.nan if check is None else check.value for check in known),
        shape="dots",
        low=tuple(math.nan if check is None else check.low for check in known),
        high=tuple(math.nan if check is None else check.high for check in known),
        outcomes=tuple(str(probe.outcome) for probe in found.probes),
        texts=_numbers(found),
    )
    sign = "≤" if first.at_most else "≥"
    limit = Limit(f"{sign} {words.quantity(first.limit, first.unit)}", first.limit)
    axis = Axis(form, words.subject(first), scale="log" if log else "linear")
    lane = Lane(axis, (dots,), (limit,), height=1.6)
    return Plot(
        name,
        f"{found.limit} by load",
        "each load with where its true value lies; numbers: the order in which they were tried",
        Axis("number", f"{found.unit}, all together"),
        (lane,),
        tried(found, checks),
        _bands(found, min(loads), max(loads)),
    )


def _around(found: CapacityRecord, name: str) -> Plot | None:
    """What was over the limit near the interval, with the curve that it was read off."""
    seen = [(probe, one) for probe in found.probes if (one := _limit(found, probe)) is not None and one.due]
    low, high = _interval_of(found)
    ends = [end for end in (low, high) if 0 < end < math.inf] or [probe.load for probe, _ in seen]
    if not seen or not ends:
        return None
    begin, end = min(ends) / AROUND, max(ends) * AROUND
    near = [(probe, one) for probe, one in seen if begin <= probe.load <= end]
    numbers = dict(zip((id(probe) for probe in found.probes), _numbers(found), strict=True))
    allowed = seen[0][1].allowed
    log = allowed > 0
    if not near:
        return None
    by, told = found.factor, found.limit_told or found.limit
    dots = Series(
        "probes",
        tuple(probe.load * by for probe, _ in near),
        tuple(max(0.5 if log else 0.0, one.bad) / one.due for _, one in near),
        shape="dots",
        outcomes=tuple(str(probe.outcome) for probe, _ in near),
        texts=tuple(numbers[id(probe)] for probe, _ in near),
    )
    drawn = [one for one in found.curve if begin <= one.load <= end]
    curve = Series(
        "fit",
        tuple(one.load * by for one in drawn),
        tuple(one.share for one in drawn),
        role="compared",
        low=tuple(one.low for one in drawn),
        high=tuple(one.high for one in drawn),
    )
    lane = Lane(
        Axis("share", f"not within {told}", scale="log" if log else "linear"),
        (*((curve,) if len(drawn) > 1 else ()), dots),
        (Limit(f"≤ {words.share(allowed)}", allowed),) if log else (),
        height=1.6,
    )
    says = f"share that is not within {told}"
    if len(drawn) > 1:
        says += "; dashed: the curve that the interval is read off, with its 95 % band"
    return Plot(
        name,
        "Around the limit",
        says,
        Axis("number", f"{found.unit}, all together", low=begin * by, high=end * by),
        (lane,),
        tried(found, {}),
        _bands(found, begin * by, end * by),
    )


def _interval_of(found: CapacityRecord) -> tuple[float, float]:
    """The interval, else what verdicts say; per generator."""
    return (found.low, found.high) if found.end in NUMBERED else (found.kept, found.broke)


def _bands(found: CapacityRecord, first: float, last: float) -> tuple[Band, ...]:
    """Where it is kept, where it may break, and where it is broken: the interval, else what verdicts say."""
    low, high = (end * found.factor for end in _interval_of(found))
    bands = [Band(first, min(low, last), "kept", "holds the SLA")] if low > first else []
    if math.isfinite(high) and low < high:
        bands.append(Band(max(low, first), min(high, last), "open"))
    if high < last:
        bands.append(Band(max(high, first), last, "broken", "breaks it"))
    return tuple(bands)


def _in_order(found: CapacityRecord, name: str) -> Plot:
    loads = tuple(probe.load * found.factor for probe in found.probes)
    numbers = tuple(float(number) for number in range(1, len(loads) + 1))
    probes = Series(
        "load", numbers, loads, shape="dots", outcomes=tuple(str(probe.outcome) for probe in found.probes)
    )
    known = [seeming(found, number) for number in range(1, len(loads) + 1)]
    least, most = min(loads), max(loads)
    low = tuple(min(max(keeps * found.factor, least), most) for keeps, _ in known)
    high = tuple(max(min(breaks * found.factor, most), least) for _, breaks in known)
    nothing = (math.nan,) * len(loads)
    open_ = Series("where it may be", numbers, nothing, role="compared", low=low, high=high)
    ends = []
    if found.end in NUMBERED:
        low_end, high_end = (found.of_all(end) for end in (found.low, found.high))
        ends = [
            Limit(
                f"{low_end} to {high_end}" if found.low < found.high else high_end, found.high * found.factor
            )
        ]
        if found.low < found.high:
            ends.append(Limit("", found.low * found.factor))  # two texts that near would cover each other
    lane = Lane(
        Axis("number", f"{found.unit}, all together", scale="log"), (open_, probes), tuple(ends), height=1.2
    )
    return Plot(
        name,
        "How the search narrowed",
        f"{counted(len(loads), 'load')} in the order in which they were tried; grey: where the capacity may"
        " be, by the figures so far",
        Axis("number", "load tried"),
        (lane,),
        tried(found, {}),
    )
