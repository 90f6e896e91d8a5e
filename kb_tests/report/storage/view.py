"""What a page shows of storage points: the columns of their table, and the cells of a row, as text."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.report import words
from kb_tests.report.shown import Column
from kb_tests.report.storage import words as storage_words
from kb_tests.scenario.storage import StoragePoint


def columns(checks: Iterable[str]) -> list[Column]:
    """The columns of a table; `checks` are the names of all checks that its points have."""
    names = set(checks)
    latencies = [name for name in names if storage_words.time_limit(name)] or [
        "read latency p99",
        "write latency p99",
    ]
    latencies.sort(key=lambda name: (name.split()[0], float(name.rpartition("p")[2]), name))
    return [
        ("Offered", ""),
        ("Achieved", "achieved"),
        ("IOPS", ""),
        ("Bandwidth", ""),
        *((name.replace(" latency", ""), name) for name in latencies),
        ("Longest stall", "max_stall"),
        ("Failed", "errors"),
        *([("Read back", "verify")] if "verify" in names else []),
    ]


def cell(point: StoragePoint, measured: StorageMeasurement, column: Column) -> str:
    """The text of one cell."""
    heading, name = column
    limited = storage_words.time_limit(name)
    if limited:
        direction, percent = limited
        done = dict(storage_words.directions(point, measured))
        if direction not in done or (point.rate and "service time" in name):
            return ""
        told = storage_words.response(done[direction], percent)
        return told if point.rate or "service time" in name else f"{told} (service)"
    if heading == "Offered":
        if not point.rate:
            return "closed loop"
        if point.unit == "bytes":
            return storage_words.bandwidth(measured.offered.total * point.block_size)
        return f"{words.number(measured.offered.total)} IOPS"
    return {
        "Achieved": "" if math.isnan(measured.achieved) else words.share(measured.achieved),
        "IOPS": words.number(measured.iops.total),
        "Bandwidth": storage_words.bandwidth(measured.bandwidth.total),
        "Longest stall": storage_words.stall(measured),
        "Failed": words.number(measured.errors),
        "Read back": storage_words.verified(measured.verified) if measured.verified else "",
    }[heading]
