"""A `Measurement` as a record keeps it: histograms encoded, the series in columns.

The way there and back loses nothing, except that the time blocks of a very large point are left out
(`MAX_BLOCKS`), which the record says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from kb_tests.errors import RecordError
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import AgentFacts, Block, Counts, Measurement, Second, Start

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_BLOCKS = 1000
"""Blocks that a point's record may hold (about 2 kB each): 100 agents for 100 s."""

Encoded = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]+$")]
Column = tuple[float, ...]
B = TypeVar("B")


class Part(BaseModel):
    """A part of a record; a key that we do not know is an error, a number that is none is kept as text."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


def shallow(value: DataclassInstance) -> dict[str, Any]:
    """The fields of a dataclass, as they are."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


class Columns(Part):
    """Rows of figures, one column for each."""

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> Self:
        if len({len(column) for _, column in self}) > 1:
            raise ValueError("the columns of the time series differ in length")
        return self

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One tuple a row, in the order of the columns."""
        return zip(*(column for _, column in self), strict=True)


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
        times = {"response": block.response.encode(), "service": block.service.encode()}
        return cls(**shallow(block) | times)

    def restore(self) -> Block:
        """The block again."""
        return Block(**dict(self) | {"response": decode(self.response), "service": decode(self.service)})


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
    tls: str = ""

    @classmethod
    def of(cls, facts: AgentFacts) -> AgentRecord:
        """The record of `facts`."""
        return cls(**shallow(facts) | {"response": facts.response.encode()})

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
    start: Start | None = None

    @classmethod
    def of(cls, measurement: Measurement) -> MeasurementRecord:
        """The record of `measurement`."""
        changed = {
            "response": measurement.response.encode(),
            "service": measurement.service.encode(),
            "seconds": SecondColumns.of(measurement.seconds),
            "agents": tuple(AgentRecord.of(facts) for facts in measurement.agents),
        }
        return cls(**shallow(measurement) | changed | kept(measurement.blocks, BlockRecord.of))

    def restore(self) -> Measurement:
        """The measurement again; raises RecordError if a histogram cannot be read."""
        changed = {
            "response": decode(self.response),
            "service": decode(self.service),
            "seconds": self.seconds.restore(),
            "blocks": tuple(block.restore() for block in self.blocks),
            "agents": tuple(agent.restore() for agent in self.agents),
        }
        plain = dict(self) | changed
        del plain["blocks_left_out"]
        return Measurement(**plain)


def kept(blocks: Sequence[B], record: Callable[[B], Part]) -> dict[str, Any]:
    """The time blocks that a record keeps, or how many it leaves out."""
    if len(blocks) > MAX_BLOCKS:
        return {"blocks": (), "blocks_left_out": len(blocks)}
    return {"blocks": tuple(record(block) for block in blocks), "blocks_left_out": 0}


def decode(encoded: str) -> Histogram:
    """The histogram that a record holds as `encoded`; raises RecordError if it is none."""
    try:
        return Histogram.decode(encoded)
    except ValueError as error:
        raise RecordError(
            f"A histogram in the record cannot be read: {error}.",
            remedy="The file was changed after the run.",
        ) from error
