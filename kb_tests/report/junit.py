"""The properties of a point in JUnit XML: flat, with names that stay the same from run to run.

Times are in seconds, rates per second, shares from 0 to 1::

    kb.point kb.scenario kb.status kb.outcome kb.reason kb.note kb.clients
    kb.offered kb.achieved kb.achieved_share kb.throughput_bytes kb.duration
    kb.warm_up.seconds .settled                                  (where it was found and cut off)
    kb.connections.asked .open .least .reopened .refused .unavailable
    kb.requests.due .sent .completed .failed .unsent .inflight   kb.errors.<kind>
    kb.response.p50 .p90 .p99 .p99.9 .max                        kb.confidence kb.looks
    kb.check.<name>.outcome .value .limit .low .high             (spaces in a check's name become "_")

Those of a storage point are listed in `storage_words.properties`.

A value that does not exist, such as the percentile of an empty sample, has no property; "inf" stands
where too many requests had no good answer.
"""

from __future__ import annotations

import math
from dataclasses import asdict

from kb_tests.report import words
from kb_tests.report.http.figures import Figures
from kb_tests.report.record import PointRecord
from kb_tests.report.storage import words as storage_words

PERCENTILES = (50.0, 90.0, 99.0, 99.9)

Property = tuple[str, str | int | float]


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
    if findings := words.findings(point):
        found.append(("kb.reason", words.printable("; ".join(findings))))
    if point.remarks:
        found.append(("kb.note", words.printable("; ".join(point.remarks))))
    if point.storage is not None:
        found += storage_words.properties(*point.storage)
    if point.http is not None:
        found += _measured(Figures.of(point.http))
        if connections := point.http.connections:
            found += [(f"kb.connections.{key}", value) for key, value in asdict(connections).items()]
        if start := point.http.start:
            found += [
                ("kb.warm_up.seconds", start.seconds),
                ("kb.warm_up.settled", str(start.settled).lower()),
            ]
    if point.verdict is not None:
        found += [("kb.confidence", point.verdict.confidence), ("kb.looks", point.verdict.looks)]
        for check in point.verdict.checks:
            name = f"kb.check.{check.name.replace(' ', '_')}"
            found.append((f"{name}.outcome", str(check.outcome)))
            found += [(f"{name}.{key}", getattr(check, key)) for key in ("value", "limit", "low", "high")]
    return [(name, _rounded(value)) for name, value in found if not _is_nan(value)]


def _measured(figures: Figures) -> list[Property]:
    counts = figures.counts
    return [
        ("kb.offered", figures.offered),
        ("kb.achieved", figures.achieved),
        ("kb.achieved_share", figures.share),
        ("kb.throughput_bytes", figures.throughput),
        ("kb.duration", figures.duration),
        *((f"kb.requests.{key}", getattr(counts, key)) for key in ("due", "sent", "completed", "failed")),
        *((f"kb.requests.{key}", getattr(counts, key)) for key in ("unsent", "inflight")),
        *((f"kb.errors.{kind}", count) for kind, count in sorted(counts.errors.items())),
        *((f"kb.response.p{percent:g}", figures.percentile(percent)) for percent in PERCENTILES),
        ("kb.response.max", figures.response.max),
    ]


def _is_nan(value: str | float) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _rounded(value: str | float) -> str | int | float:
    """Nine significant digits: what a float's binary form adds after them is noise."""
    return float(f"{value:.9g}") if isinstance(value, float) else value
