"""The batches of an HTTP point."""

from __future__ import annotations

from collections.abc import Mapping

from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.latency import Latency
from kb_tests.report.batches import BatchesRecord, Piece, batched


def batches(
    measurement: HttpMeasurement, limits: Mapping[str, float], timeout: float
) -> BatchesRecord | None:
    """`measurement` by batches of time; a request that took `timeout` seconds failed."""
    pieces = [
        Piece(
            block.agent,
            block.at,
            Latency.of_due(block.response, block.counts.due, block.counts.completed, timeout),
        )
        for block in measurement.blocks
    ]
    return batched((block.seconds for block in measurement.blocks), {"requests": (pieces, limits)})
