"""What one storage probe of a capacity search shows of each limit, reads and writes apart."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.validity import fell_behind, validity, waited
from kb_tests.scenario.storage import StoragePoint, StorageSla
from kb_tests.sla.capacity.lacking import lacking
from kb_tests.sla.capacity.model import Counts, Limit, Means
from kb_tests.sla.storage.sample import Direction, Times, Window, directions


def limits(point: StoragePoint, sla: StorageSla) -> tuple[Limit, ...]:
    """The limits that a search goes by, under the names of their checks.

    Not that on the longest stall, which speaks of the sample; nor on errors where none was named: an I/O that
    failed is slower than any limit.
    """
    parts = directions(point)
    made = {part.name for part in parts}
    found = [
        Limit(f"{name} {what} p{percent:g}", 1 - percent / 100, within=limit if point.rate else 0.0)
        for (name, what), latency in sla.times(point.rate).items()
        if name in made
        for percent, limit in latency.limits().items()
    ]
    if sla.errors:
        found.append(Limit("errors", sla.errors))
    if sla.achieved is not None and point.rate:
        found += [Limit(part.achieved, 1 - sla.achieved, Means.MEAN) for part in parts]
    return tuple(found)


def counts(point: StoragePoint, measurement: StorageMeasurement, sla: StorageSla) -> Mapping[str, Counts]:
    """By the names of `limits`: what was bad in each batch of time."""
    window = Window(measurement)
    failed = window.tally(
        lambda block: block.errors, lambda block: block.errors + block.read.ios + block.write.ios
    )
    found = {"errors": Counts.of(failed)}
    for part in directions(point):
        times = Times(window, part)
        for (name, what), latency in sla.times(point.rate).items():
            for percent, limit in latency.limits().items() if name == part.name else ():
                found[f"{name} {what} p{percent:g}"] = Counts.of(times.slower(limit))
        if point.rate:
            found[part.achieved] = _lacking(point, measurement, part)
    return found


def _lacking(point: StoragePoint, measurement: StorageMeasurement, part: Direction) -> Counts:
    rates = [
        getattr(second.iops, part.name)
        for second in measurement.seconds
        if 0 <= second.at < math.floor(measurement.duration)
    ]
    return lacking(rates, point.offered * part.share, getattr(measurement.iops, part.name))


def bound(point: StoragePoint, measurement: StorageMeasurement) -> float | None:
    """I/Os a second per server that so many under way allow at the time that they took (Little 1961)."""
    parts = [io.service for io in (measurement.read, measurement.write) if io.service.count]
    taken = sum(part.mean * part.count for part in parts)
    if not point.rate or not taken > 0 or not math.isfinite(taken):
        return None
    return point.slots * sum(part.count for part in parts) / taken


def reasons(
    point: StoragePoint, measurement: StorageMeasurement, _sla: StorageSla, *, kept: bool
) -> tuple[tuple[str, ...], bool]:
    """Why a probe is not to be believed, and whether that is since fio had too little CPU for more load. What
    plainly `kept` its limits has kept them although it waited.
    """
    behind = fell_behind(point, measurement)
    short = behind if kept else (*behind, *waited(point, measurement))
    return (*validity(point, measurement), *short), bool(short) and not measurement.missing
