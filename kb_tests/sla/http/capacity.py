"""What one HTTP probe of a capacity search shows of each limit."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.http.validity import sent_late, starved, validity
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.sla.capacity.lacking import lacking
from kb_tests.sla.capacity.model import Counts, Limit, Means
from kb_tests.sla.http.sample import Window


def limits(point: HttpPoint, sla: HttpSla) -> tuple[Limit, ...]:
    """The limits that a search goes by, under the names of their checks."""
    latency = sla.latency.limits() if sla.latency else {}
    found = [
        Limit(f"latency p{percent:g}", 1 - percent / 100, within=limit) for percent, limit in latency.items()
    ]
    if sla.errors:
        found.append(Limit("errors", sla.errors, within=point.timeout))
    if sla.achieved is not None:
        found.append(Limit("achieved", 1 - sla.achieved, Means.MEAN))
    if point.keep_alive and sla.connections:
        found.append(Limit("connections", 0.0, Means.SAMPLE))
    return tuple(found)


def counts(point: HttpPoint, measurement: HttpMeasurement, sla: HttpSla) -> Mapping[str, Counts]:
    """By the names of `limits`: what was bad in each batch of time."""
    window = Window(measurement, point.timeout)
    latency = sla.latency.limits() if sla.latency else {}
    found = {f"latency p{percent:g}": Counts.of(window.slower(limit)) for percent, limit in latency.items()}
    found["errors"] = Counts.of(window.slower(math.inf))
    rates = [s.completed for s in measurement.seconds if 0 <= s.at < math.floor(measurement.duration)]
    found["achieved"] = lacking(rates, measurement.offered, measurement.achieved)
    kept = measurement.connections
    wrong = kept is not None and (kept.open < kept.asked or kept.least < sla.connections * kept.asked)
    found["connections"] = Counts((float(wrong),), (1.0,))
    return found


def bound(point: HttpPoint, measurement: HttpMeasurement) -> float | None:
    """Requests/s per generator that its connections allow at the service time found (Little 1961)."""
    mean = measurement.service.mean if measurement.service.count else math.nan
    return point.connections / mean if mean > 0 else None


def reasons(
    point: HttpPoint, measurement: HttpMeasurement, sla: HttpSla, *, kept: bool
) -> tuple[tuple[str, ...], bool]:
    """Why a probe is not to be believed, and whether that is since generators could make no more load. What
    plainly `kept` its limits has kept them although generators sent late.
    """
    late = () if kept else sent_late(point, measurement, sla)
    found = (*validity(point, measurement), *late)
    return found, bool(late or starved(point, measurement)) and not measurement.missing
