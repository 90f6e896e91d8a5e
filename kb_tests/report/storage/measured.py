"""A StorageMeasurement as a record keeps it: histograms encoded, time series by columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from kb_tests.measure.heat import Heat
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import (
    NOTHING,
    Io,
    IoRate,
    StorageBlock,
    StorageMeasurement,
    StorageSecond,
    StorageServer,
)
from kb_tests.report.batches import BatchesRecord
from kb_tests.report.heat import HeatRecord
from kb_tests.report.measured import Column, Columns, Part, kept, shallow
from kb_tests.report.recorded import FORMS, Form, Recorded

Count = Annotated[int, Field(ge=0)]


LatencyRecord = Recorded[Latency]


class IoRecord(Part):
    """An `Io`; `response` is None where it is the same as `service`, `syncs` where there are none."""

    ios: Count
    bytes: Count
    service: LatencyRecord
    response: LatencyRecord | None = None
    syncs: LatencyRecord | None = None

    @classmethod
    def of(cls, io: Io) -> IoRecord:
        """The record of `io`."""
        response = None if io.response == io.service else LatencyRecord.of(io.response)
        syncs = LatencyRecord.of(io.syncs) if io.syncs.count else None
        latencies = {"service": LatencyRecord.of(io.service), "response": response, "syncs": syncs}
        return cls(**shallow(io) | latencies)

    def restore(self) -> Io:
        """The reads or writes again."""
        service = self.service.restore()
        response = self.response.restore() if self.response else service
        return Io(self.ios, self.bytes, service, response, self.syncs.restore() if self.syncs else NOTHING)


class StorageSecondColumns(Columns):
    """The `StorageSecond`s of a point, one column for each figure."""

    at: Column
    read_iops: Column
    write_iops: Column
    read_bandwidth: Column
    write_bandwidth: Column
    read_p99: Column
    write_p99: Column
    errors: Column

    @classmethod
    def of(cls, seconds: Iterable[StorageSecond]) -> StorageSecondColumns:
        """Columns of `seconds`."""
        rows = tuple(seconds)
        return cls(
            at=tuple(row.at for row in rows),
            read_iops=tuple(row.iops.read for row in rows),
            write_iops=tuple(row.iops.write for row in rows),
            read_bandwidth=tuple(row.bandwidth.read for row in rows),
            write_bandwidth=tuple(row.bandwidth.write for row in rows),
            read_p99=tuple(row.read_p99 for row in rows),
            write_p99=tuple(row.write_p99 for row in rows),
            errors=tuple(row.errors for row in rows),
        )

    def restore(self) -> tuple[StorageSecond, ...]:
        """The rows again."""
        return tuple(
            StorageSecond(at, IoRate(r_iops, w_iops), IoRate(r_bytes, w_bytes), r_p99, w_p99, errors)
            for at, r_iops, w_iops, r_bytes, w_bytes, r_p99, w_p99, errors in self.rows()
        )


FORMS[Io] = Form(IoRecord, IoRecord.of, IoRecord.restore)

StorageBlockRecord = Recorded[StorageBlock]
StorageServerRecord = Recorded[StorageServer]


class StorageMeasurementRecord(Part):
    """A `StorageMeasurement`; `blocks_left_out` counts the blocks that were too many to keep.

    `batches` are there however many there were, in what we write.
    """

    point_id: str
    duration: float
    offered: IoRate
    iops: IoRate
    bandwidth: IoRate
    read: IoRecord
    write: IoRecord
    errors: Count
    seconds: StorageSecondColumns
    blocks: tuple[StorageBlockRecord, ...]
    blocks_left_out: Count = 0
    servers: tuple[StorageServerRecord, ...]
    missing: dict[str, str]
    steady: bool | None = None
    read_heat: HeatRecord | None = None
    write_heat: HeatRecord | None = None
    batches: BatchesRecord | None = None

    @classmethod
    def of(
        cls, measurement: StorageMeasurement, batches: BatchesRecord | None = None
    ) -> StorageMeasurementRecord:
        """The record of `measurement`, with its `batches`."""
        changed = {
            "read_heat": HeatRecord.of(measurement.read_heat),
            "write_heat": HeatRecord.of(measurement.write_heat),
            "batches": batches,
            "read": IoRecord.of(measurement.read),
            "write": IoRecord.of(measurement.write),
            "seconds": StorageSecondColumns.of(measurement.seconds),
            "servers": tuple(StorageServerRecord.of(server) for server in measurement.servers),
        }
        return cls(**shallow(measurement) | changed | kept(measurement.blocks, StorageBlockRecord.of))

    def restore(self) -> StorageMeasurement:
        """The measurement again; raises RecordError if a histogram cannot be read."""
        changed = {
            "read": self.read.restore(),
            "write": self.write.restore(),
            "seconds": self.seconds.restore(),
            "blocks": tuple(block.restore() for block in self.blocks),
            "servers": tuple(server.restore() for server in self.servers),
            "read_heat": self.read_heat.restore() if self.read_heat else Heat(),
            "write_heat": self.write_heat.restore() if self.write_heat else Heat(),
        }
        plain = dict(self) | changed
        del plain["blocks_left_out"], plain["batches"]
        return StorageMeasurement(**plain)
