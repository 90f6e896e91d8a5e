"""The record's form of what was measured of an HTTP point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Annotated, Any

from pydantic import Field, model_validator

from kb_tests.measure.heat import Heat
from kb_tests.measure.http.measurement import (
    Block,
    Connections,
    Counts,
    GeneratorFacts,
    HttpMeasurement,
    Second,
    Start,
)
from kb_tests.report.batches import BatchesRecord
from kb_tests.report.heat import HeatRecord
from kb_tests.report.measured import Column, Columns, Encoded, Part, decode, kept, shallow
from kb_tests.report.recorded import Recorded


class SecondColumns(Columns):
    """The `Second`s of a point, one column for each of their fields."""

    at: Column
    sent: tuple[int, ...]
    completed: tuple[int, ...]
    failed: tuple[int, ...]
    bytes: tuple[int, ...]
    p50: Column
    p99: Column
    max: Column
    open: tuple[int | None, ...]

    @model_validator(mode="before")
    @classmethod
    def _open_is_not_known(cls, data: Any) -> Any:
        """In records of suites that did not count connections."""
        if isinstance(data, dict) and "open" not in data and "at" in data:
            return data | {"open": [None] * len(data["at"])}
        return data

    @classmethod
    def of(cls, seconds: Iterable[Second]) -> SecondColumns:
        """Columns of `seconds`."""
        rows = tuple(seconds)
        return cls(
            **{field.name: tuple(getattr(row, field.name) for row in rows) for field in fields(Second)}
        )

    def restore(self) -> tuple[Second, ...]:
        """The rows again."""
        return tuple(Second(*row) for row in self.rows())


BlockRecord = Recorded[Block]
GeneratorRecord = Recorded[GeneratorFacts]


class HttpMeasurementRecord(Part):
    """An `HttpMeasurement`; `blocks_left_out` counts the blocks that were too many to keep.

    `batches` are there however many there were, in what we write.
    """

    point_id: str
    duration: float
    offered: float
    achieved: float
    throughput: float
    counts: Counts
    response: Encoded
    service: Encoded
    seconds: SecondColumns
    blocks: tuple[BlockRecord, ...]
    blocks_left_out: Annotated[int, Field(ge=0)] = 0
    agents: tuple[GeneratorRecord, ...]
    missing: dict[str, str]
    start: Start | None = None
    connections: Connections | None = None
    heat: HeatRecord | None = None
    batches: BatchesRecord | None = None

    @classmethod
    def of(cls, measurement: HttpMeasurement, batches: BatchesRecord | None = None) -> HttpMeasurementRecord:
        """The record of `measurement`, with its `batches`."""
        changed = {
            "heat": HeatRecord.of(measurement.heat),
            "batches": batches,
            "response": measurement.response.encode(),
            "service": measurement.service.encode(),
            "seconds": SecondColumns.of(measurement.seconds),
            "agents": tuple(GeneratorRecord.of(facts) for facts in measurement.agents),
        }
        plain = shallow(measurement) | changed | kept(measurement.blocks, BlockRecord.of)
        del plain["moments"]
        return cls(**plain)

    def restore(self) -> HttpMeasurement:
        """The measurement again; raises RecordError if a histogram cannot be read."""
        changed = {
            "response": decode(self.response),
            "service": decode(self.service),
            "seconds": self.seconds.restore(),
            "blocks": tuple(block.restore() for block in self.blocks),
            "agents": tuple(agent.restore() for agent in self.agents),
            "heat": self.heat.restore() if self.heat else Heat(),
        }
        plain = dict(self) | changed
        del plain["blocks_left_out"], plain["batches"]
        return HttpMeasurement(**plain)
