"""A record's form of a dataclass: what stands there is recorded, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import ValidationError

from kb_tests.measure.heat import Heat
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import HttpMeasurement, Second
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import Io, StorageMeasurement, StorageSecond
from kb_tests.report.columns import Columns
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.recorded import FORMS, Form, Recorded
from kb_tests.report.storage.measured import IoRecord, StorageMeasurementRecord

TIMES = Histogram.of([0.01, 0.02], [3, 4])


@dataclass(frozen=True)
class Pair:
    read: int
    write: int


@dataclass(frozen=True)
class Row:
    at: float
    moved: Pair
    late: int | None = None


@dataclass(frozen=True)
class Agent:
    name: str
    times: Histogram
    cores: tuple[int, ...] = ()


@dataclass(frozen=True)
class Found:
    name: str
    agents: tuple[Agent, ...]
    rows: tuple[Row, ...]
    heat: Heat = field(default=Heat())
    told: dict[str, int] = field(default_factory=dict)
    passing: tuple[Agent, ...] = field(default=(), metadata={"recorded": False})


@pytest.fixture(scope="module")
def record() -> Iterator[Any]:
    rows = (tuple[Row, ...], Form.of(Columns[Row]))
    FORMS.append(rows)
    yield Recorded[Found]
    FORMS.remove(rows)


FOUND = Found(
    "a",
    (Agent("b", TIMES, (1, 2)), Agent("c", Histogram())),
    (Row(0.0, Pair(1, 2)), Row(1.0, Pair(3, 4), 5)),
    Heat(-1, 1, (((3, 4),), ())),
    {"x": 1},
)


def test_every_field_is_recorded_in_its_form_and_comes_back(record: Any) -> None:
    written = json.loads(record.of(FOUND).model_dump_json())
    assert written["name"] == "a"
    assert written["told"] == {"x": 1}
    assert [set(agent) for agent in written["agents"]] == [{"name", "times", "cores"}] * 2
    assert written["rows"] == {
        "at": [0.0, 1.0],
        "read_moved": [1, 3],
        "write_moved": [2, 4],
        "late": [None, 5],
    }
    assert record.model_validate_json(json.dumps(written)).restore() == FOUND


def test_what_is_not_to_be_recorded_is_not(record: Any) -> None:
    kept = record.of(Found("a", (), (), passing=(Agent("b", TIMES),)))
    assert "passing" not in kept.model_dump()
    assert kept.restore().passing == ()


def test_a_field_that_an_older_record_does_not_have_is_its_default(record: Any) -> None:
    written = record.of(FOUND).model_dump()
    del written["heat"], written["told"], written["rows"]["late"]
    older = record(**written).restore()
    assert (older.heat, older.told, [row.late for row in older.rows]) == (Heat(), {}, [None, None])


@pytest.mark.parametrize("damage", ["name", "agents", "rows"])
def test_a_field_without_a_default_has_to_be_there(damage: str, record: Any) -> None:
    written = record.of(FOUND).model_dump()
    del written[damage]
    with pytest.raises(ValidationError, match=damage):
        record(**written)


def test_an_unknown_key_and_columns_of_two_lengths_are_refused(record: Any) -> None:
    written = record.of(FOUND).model_dump()
    with pytest.raises(ValidationError, match="Extra inputs"):
        record(**written, more=1)
    with pytest.raises(ValidationError, match="differ in length"):
        record(**written | {"rows": written["rows"] | {"at": [0.0]}})


#: What a record of schema 2 has; keys may be added, and never go.
KEYS = {
    HttpMeasurementRecord: "point_id duration offered achieved throughput counts response service seconds"
    " blocks agents missing start connections heat blocks_left_out batches",
    StorageMeasurementRecord: "point_id duration offered iops bandwidth read write errors seconds blocks"
    " servers missing steady read_heat write_heat blocks_left_out batches",
    IoRecord: "ios bytes service response syncs",
    Columns[Second]: "at sent completed failed bytes p50 p99 max open",
    Columns[
        StorageSecond
    ]: "at read_iops write_iops read_bandwidth write_bandwidth read_p99 write_p99 errors",
}


@pytest.mark.parametrize(("model", "keys"), KEYS.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_the_keys_of_records_stay(model: Any, keys: str) -> None:
    assert set(keys.split()) <= set(model.model_fields)


def test_reads_that_took_as_long_from_when_they_were_due_are_kept_once() -> None:
    io = Io(7, 70, Latency(TIMES), Latency(TIMES))
    kept = IoRecord.of(io)
    assert (kept.response, kept.syncs) == (None, None)
    assert kept.restore() == io


def test_measurements_have_their_dataclass() -> None:
    assert HttpMeasurementRecord.measured is HttpMeasurement
    assert StorageMeasurementRecord.measured is StorageMeasurement
