"""The time blocks of an HTTP point, as what recovery is measured from."""

from __future__ import annotations

from collections.abc import Iterator

from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.latency import Latency
from kb_tests.measure.recovery import Slot


def slots(measurement: HttpMeasurement, timeout: float) -> Iterator[Slot]:
    """One of each block of each generator, as fine as they are; requests take `timeout` seconds at most."""
    for block in measurement.moments or measurement.blocks:
        counts = block.counts
        latency = Latency.of_due(block.response, counts.due, counts.completed, timeout)
        yield Slot(block.at, block.seconds, latency, block.agent)
