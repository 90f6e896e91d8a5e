"""A `Measurement` as a record keeps it: histograms encoded, the series in columns.

The way there and back loses nothing, except that the time blocks of a very large point are left out
(`MAX_BLOCKS`), which the record says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from kb_tests.errors import RecordError
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.measurement import AgentFacts, Block, Counts, Measurement, Second

MAX_BLOCKS = 1000
"""Blocks that a point's record may hold (about 2 kB each): 100 agents for 100 s."""

Encoded = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]+$")]
Column = tuple[float, ...]


class Part(BaseModel):
    """A part of a record; a key that we do not know is an error, a number that is none is kept as text."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class SecondColumns(Part):
    """The `Second`s of a point, one column for each of their fields."""

    at: Column
    sent: tuple[int, ...]
    completed: tuple[int, ...]
    failed: tuple[int, ...]
    bytes: tuple[int, ...]
    p50: Column
    p99: Column
    max: Column

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> Self:
        if len({len(column) for _, column in self}) > 1:
            raise ValueError("the columns of the time series differ in length")
        return self

    @classmethod
    def of(cls, seconds: Iterable[Second]) -> SecondColumns:
        """Columns of `seconds`."""
        rows = tuple(seconds)
        return cls(
            **{field.name: tuple(getattr(row, field.name) for row in rows) for field in fields(Second)}
        )

    def restore(self) -> tuple[Second, ...]:
        """The rows again."""
        columns = [getattr(self, field.name) for field in fields(Second)]
        return tuple(Second(*row) for row in zip(*columns, strict=True))


class BlockRecord(Part):
    """A `Block`."""

    agent: str
    at: float
    seconds: float
    counts: Counts
    response: Encoded
    service: Encoded

    @classmethod
    def of(cls, block: Block) -> BlockRecord:
        """The record of `block`."""
        return cls(
            agent=block.agent,
            at=block.at,
            seconds=block.seconds,
            counts=block.counts,
            response=block.response.encode(),
            service=block.service.encode(),
        )

    def restore(self) -> Block:
        """The block again."""
        return Block(
            agent=self.agent,
            at=self.at,
            seconds=self.seconds,
            counts=self.counts,
            response=decode(self.response),
            service=decode(self.service),
        )


class AgentRecord(Part):
    """An `AgentFacts`."""

    agent: str
    host: str
    counts: Counts
    response: Encoded
    lag_p99: float
    lag_max: float
    cpu: float
    skew: float
    clock_error: float
    saturated: bool

    @classmethod
    def of(cls, facts: AgentFacts) -> AgentRecord:
        """The record of `facts`."""
        plain = {field.name: getattr(facts, field.name) for field in fields(AgentFacts)}
        return cls(**plain | {"response": facts.response.encode()})

    def restore(self) -> AgentFacts:
        """The facts again."""
        return AgentFacts(**dict(self) | {"response": decode(self.response)})


class MeasurementRecord(Part):
    """A `Measurement`; `blocks_left_out` counts the blocks that were too many to keep."""

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
    agents: tuple[AgentRecord, ...]
    missing: dict[str, str]

    @classmethod
    def of(cls, measurement: Measurement) -> MeasurementRecord:
        """The record of `measurement`."""
        keep = len(measurement.blocks) <= MAX_BLOCKS
        return cls(
            point_id=measurement.point_id,
            duration=measurement.duration,
            offered=measurement.offered,
            achieved=measurement.achieved,
            throughput=measurement.throughput,
            counts=measurement.counts,
            response=measurement.response.encode(),
            service=measurement.service.encode(),
            seconds=SecondColumns.of(measurement.seconds),
            blocks=tuple(BlockRecord.of(block) for block in measurement.blocks) if keep else (),
            blocks_left_out=0 if keep else len(measurement.blocks),
            agents=tuple(AgentRecord.of(facts) for facts in measurement.agents),
            missing=dict(measurement.missing),
        )

    def restore(self) -> Measurement:
        """The measurement again; raises RecordError if a histogram cannot be read."""
        return Measurement(
            point_id=self.point_id,
            duration=self.duration,
            offered=self.offered,
            achieved=self.achieved,
            throughput=self.throughput,
            counts=self.counts,
            response=decode(self.response),
            service=decode(self.service),
            seconds=self.seconds.restore(),
            blocks=tuple(block.restore() for block in self.blocks),
            agents=tuple(agent.restore() for agent in self.agents),
            missing=self.missing,
        )


def decode(encoded: str) -> Histogram:
    """The histogram that a record holds as `encoded`; raises RecordError if it is none."""
    try:
        return Histogram.decode(encoded)
    except ValueError as error:
        raise RecordError(
            f"A histogram in the record cannot be read: {error}.",
            remedy="The file was changed after the run.",
        ) from error
