"""The batches of a storage point."""

from __future__ import annotations

from collections.abc import Mapping

from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.report.batches import BatchesRecord, Piece, batched


def batches(measurement: StorageMeasurement, limits: Mapping[str, float]) -> BatchesRecord | None:
    """`measurement` by batches of time; limits belong to reads or writes by their names' first word."""
    samples = {}
    for kind in ("read", "write"):
        whole = getattr(measurement, kind).response
        pieces = [
            Piece(block.server, block.at, getattr(block, kind).response) for block in measurement.blocks
        ]
        own = {name: limit for name, limit in limits.items() if name.startswith(f"{kind} ")}
        if whole.count:
            samples[f"{kind}s"] = (pieces, own)
    return batched((block.seconds for block in measurement.blocks), samples)
