"""The record's form of what was measured of an HTTP point."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field

from kb_tests.measure.http.measurement import Block, GeneratorFacts, HttpMeasurement, Second
from kb_tests.report.batches import BatchesRecord
from kb_tests.report.columns import Columns
from kb_tests.report.measured import kept
from kb_tests.report.recorded import FORMS, Form, Recorded

SecondColumns = Columns[Second]
FORMS.append((tuple[Second, ...], Form.of(SecondColumns)))

BlockRecord = Recorded[Block]
GeneratorRecord = Recorded[GeneratorFacts]


class HttpMeasurementRecord(Recorded[HttpMeasurement]):
    """An `HttpMeasurement`; `blocks_left_out` counts the blocks that were too many to keep.

    `batches` are there however many there were, in what we write.
    """

    blocks_left_out: Annotated[int, Field(ge=0)] = 0
    batches: BatchesRecord | None = None

    @classmethod
    def of(cls, value: HttpMeasurement, **own: Any) -> Self:
        """The record of `value`, with its `batches`."""
        return super().of(value, **kept(value.blocks, BlockRecord.of), **own)
