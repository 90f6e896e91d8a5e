"""The pictures of a capacity search: what was over the limit by load, and how the search narrowed."""

from __future__ import annotations

import math
import re

from kb_tests.report import words
from kb_tests.report.capacity import CapacityRecord, LimitSeen, ProbeRecord, sentences
from kb_tests.report.charts.description import Axis, Band, Chart, Lane, Limit, Plot, Rows, Series
from kb_tests.sla.capacity.model import NUMBERED

COLUMNS = ("#", "Load", "Window", "Why", "Over the limit", "Verdict")


def charts(found: CapacityRecord, name: str) -> list[Chart]:
    """Those of one search; empty if it made no probe."""
    if not found.probes:
        return []
    name = re.sub(r"[^a-z0-9-]+", "-", name.lower())
    return [_by_load(found, f"{name}-by-load"), _in_order(found, f"{name}-in-order")]


def tried(found: CapacityRecord) -> Rows:
    """Every load that was tried, in order, as a table."""
    return Rows(COLUMNS, tuple(_row(found, number, probe) for number, probe in enumerate(found.probes, 1)))


def _row(found: CapacityRecord, number: int, probe: ProbeRecord) -> tuple[str, ...]:
    seen = _limit(found, probe)
    share = words.share(max(0.0, seen.bad) / seen.due) if seen and seen.due else "-"
    return (
        str(number),
        f"{found.of_all(probe.load)} {found.unit}",
        words.duration(probe.seconds),
        probe.phase,
        share,
        str(probe.outcome),
    )


def _limit(found: CapacityRecord, probe: ProbeRecord) -> LimitSeen | None:
    return next((seen for seen in probe.limits if seen.name == found.limit), None)


def _by_load(found: CapacityRecord, name: str) -> Plot:
    limits = [_limit(found, probe) for probe in found.probes]
    allowed = next((seen.allowed for seen in limits if seen is not None), 0.0)
    log = allowed > 0
    loads = tuple(probe.load * found.factor for probe in found.probes)
    shares = tuple(
        max((0.5 if log else 0.0), seen.bad) / seen.due if seen is not None and seen.due else math.nan
        for seen in limits
    )
    dots = Series(
        "probes",
        loads,
        shares,
        shape="dots",
        outcomes=tuple(str(probe.outcome) for probe in found.probes),
        texts=tuple(str(number) for number in range(1, len(loads) + 1)),
    )
    told = found.limit_told or found.limit
    lane = Lane(
        Axis("share", f"not within {told}", scale="log" if log else "linear"),
        (dots,),
        (Limit(f"{words.share(allowed)} allowed", allowed),) if log else (),
        height=1.6,
    )
    return Plot(
        name,
        f"What was over its limit, by load ({told})",
        sentences(found)[0],
        Axis("number", f"{found.unit}, all together"),
        (lane,),
        tried(found),
        _bands(found, min(loads), max(loads)),
    )


def _bands(found: CapacityRecord, first: float, last: float) -> tuple[Band, ...]:
    """Where it is kept, where it may break, and where it is broken: the interval, else what verdicts say."""
    low, high = (found.low, found.high) if found.end in NUMBERED else (found.kept, found.broke)
    low, high = low * found.factor, high * found.factor
    bands = [Band(first, low, "kept", "kept")] if low > first else []
    if math.isfinite(high) and low < high:
        bands.append(Band(max(low, first), min(high, last), "open"))
    if high < last:
        bands.append(Band(high, last, "broken", "broken"))
    return tuple(bands)


def _in_order(found: CapacityRecord, name: str) -> Plot:
    loads = tuple(probe.load * found.factor for probe in found.probes)
    numbers = tuple(float(number) for number in range(1, len(loads) + 1))
    probes = Series(
        "load", numbers, loads, shape="dots", outcomes=tuple(str(probe.outcome) for probe in found.probes)
    )
    ends = []
    if found.end in NUMBERED:
        ends = [
            Limit(f"{found.of_all(end)}", end * found.factor)
            for end in dict.fromkeys((found.low, found.high))
        ]
    lane = Lane(Axis("number", found.unit, scale="log"), (probes,), tuple(ends), height=1.2)
    return Plot(
        name,
        "How the search narrowed",
        f"{len(loads)} loads in the order in which they were tried",
        Axis("number", "load tried"),
        (lane,),
        tried(found),
    )
