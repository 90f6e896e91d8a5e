"""The time blocks of a storage point, as what recovery is measured from."""

from __future__ import annotations

from collections.abc import Iterator

from kb_tests.measure.latency import Latency
from kb_tests.measure.recovery import Slot
from kb_tests.measure.storage.measurement import StorageMeasurement


def slots(measurement: StorageMeasurement) -> Iterator[Slot]:
    """One of each block of each server, reads and writes together."""
    for block in measurement.blocks:
        latency = Latency.merged((block.read.response, block.write.response))
        yield Slot(block.at, block.seconds, latency, block.server)
