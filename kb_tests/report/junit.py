"""The properties of a point in JUnit XML: flat, with names that stay the same from run to run.

Times are in seconds, rates per second, shares from 0 to 1::

    kb.point kb.scenario kb.status kb.outcome kb.reason kb.note kb.clients
    kb.offered kb.achieved kb.achieved_share kb.throughput_bytes kb.duration
    kb.warm_up.seconds .settled                                  (where it was found and cut off)
    kb.connections.asked .open .least .reopened .refused .unavailable
    kb.requests.due .sent .completed .failed .unsent .inflight   kb.errors.<kind>
    kb.response.p50 .p90 .p99 .p99.9 .max                        kb.confidence kb.looks
    kb.check.<name>.outcome .value .limit .low .high             (spaces in a check's name become "_")

    kb.hook.<n>.name .outcome .exit_code .began .seconds         (n from 1, as in the scenario)
    kb.recovery.<n>.mark .at .seconds .least .off .bad           (n from 1, by time; no .seconds: it did not)

    kb.capacity.of .unit .end .limit .low .high .kept .broke     (of all generators; no .low: none was found)
    kb.capacity.each.low .high .kept .broke                      (per generator) .probes .seconds .at_least

Those of a storage point are listed in `report.storage.words.properties`.

A value that does not exist, such as the percentile of an empty sample, has no property; "inf" stands
where too many requests failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kb_tests.report import telling, words
from kb_tests.report.capacity import properties as capacity_properties
from kb_tests.report.record import PointRecord
from kb_tests.report.shown import Property
from kb_tests.report.workloads import presentation


def properties(point: PointRecord) -> list[Property]:
    """Names and values for pytest's `record_property`, in a fixed order."""
    found: list[Property] = [
        ("kb.point", point.id),
        ("kb.scenario", point.point.scenario),
        ("kb.status", str(point.status)),
        ("kb.clients", point.point.clients),
    ]
    if point.outcome is not None:
        found.append(("kb.outcome", str(point.outcome)))
    if findings := telling.findings(point):
        found.append(("kb.reason", words.printable("; ".join(findings))))
    if point.remarks:
        found.append(("kb.note", words.printable("; ".join(point.remarks))))
    if point.measurement is not None:
        found += presentation(point.point).shown(point).properties()
    found += _disturbances(point)
    if point.capacity is not None:
        found += capacity_properties(point.capacity)
    if point.verdict is not None:
        found += [("kb.confidence", point.verdict.confidence), ("kb.looks", point.verdict.looks)]
        for check in point.verdict.checks:
            name = f"kb.check.{check.name.replace(' ', '_')}"
            found.append((f"{name}.outcome", str(check.outcome)))
            found += [(f"{name}.{key}", getattr(check, key)) for key in ("value", "limit", "low", "high")]
    return [(name, _rounded(value)) for name, value in found if not _is_nan(value)]


def _disturbances(point: PointRecord) -> Iterator[Property]:
    """What was done to the cloud, and what followed."""
    for number, hook in enumerate(point.hooks, start=1):
        told: dict[str, str | float | None] = {"name": words.printable(hook.name), "outcome": hook.outcome}
        told |= {"exit_code": hook.exit_code, "began": hook.began, "seconds": hook.seconds}
        yield from ((f"kb.hook.{number}.{key}", value) for key, value in told.items() if value is not None)
    for number, one in enumerate(point.recovery, start=1):
        told = {"mark": words.printable(one.mark), "at": one.at, "seconds": one.seconds, "least": one.least}
        told |= {"off": one.off, "bad": one.bad}
        yield from (
            (f"kb.recovery.{number}.{key}", value) for key, value in told.items() if value is not None
        )


def _is_nan(value: str | float) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _rounded(value: str | float) -> str | int | float:
    """Nine significant digits: what a float's binary form adds after them is noise."""
    return float(f"{value:.9g}") if isinstance(value, float) else value
