"""A StorageMeasurement as a record keeps it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field

from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import Io, StorageBlock, StorageMeasurement, StorageSecond
from kb_tests.report.batches import BatchesRecord
from kb_tests.report.columns import Columns
from kb_tests.report.measured import kept
from kb_tests.report.recorded import FORMS, Form, Recorded

LatencyRecord = Recorded[Latency]


class IoRecord(Recorded[Io]):
    """An `Io`; `response` is None where it is the same as `service`, `syncs` where there are none."""

    response: LatencyRecord | None = None

    @classmethod
    def of(cls, value: Io, **own: Any) -> Self:
        """The record of `value`."""
        if value.response == value.service:
            own["response"] = None
        if not value.syncs.count:
            own["syncs"] = None
        return super().of(value, **own)

    def restore(self, **own: Any) -> Io:
        """The reads or writes again."""
        service = self.service.restore()
        same = {} if self.response else {"response": service}
        return super().restore(service=service, **same, **own)


FORMS.append((Io, Form.of(IoRecord)))
FORMS.append((tuple[StorageSecond, ...], Form.of(Columns[StorageSecond])))

StorageBlockRecord = Recorded[StorageBlock]


class StorageMeasurementRecord(Recorded[StorageMeasurement]):
    """A `StorageMeasurement`; `blocks_left_out` counts the blocks that were too many to keep.

    `batches` are there however many there were, in what we write.
    """

    blocks_left_out: Annotated[int, Field(ge=0)] = 0
    batches: BatchesRecord | None = None

    @classmethod
    def of(cls, value: StorageMeasurement, **own: Any) -> Self:
        """The record of `value`, with its `batches`."""
        return super().of(value, **kept(value.blocks, StorageBlockRecord.of), **own)
