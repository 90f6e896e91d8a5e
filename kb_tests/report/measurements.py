"""What a record keeps of a measurement, by the kind of load, and of a point: each kind has a form of both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.report.http import batches as http
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.measured import Part
from kb_tests.report.storage import batches as storage
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.scenario import workloads
from kb_tests.scenario.base import Point
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.workloads import Table


@dataclass(frozen=True)
class Kept:
    """`measured` is what a record keeps of a measurement.

    `record` makes it of a point, its measurement and the limits on times by the names of their checks.
    """

    measured: type[Part]
    record: Callable[[Any, Any, Mapping[str, float]], Part]


def _record_http(point: HttpPoint, measured: HttpMeasurement, limits: Mapping[str, float]) -> Part:
    return HttpMeasurementRecord.of(measured, batches=http.batches(measured, limits, point.timeout))


def _record_storage(_point: Point, measured: StorageMeasurement, limits: Mapping[str, float]) -> Part:
    return StorageMeasurementRecord.of(measured, batches=storage.batches(measured, limits))


MEASUREMENTS = Table(
    "report",
    {
        "http": Kept(HttpMeasurementRecord, _record_http),
        "storage": Kept(StorageMeasurementRecord, _record_storage),
    },
)


def kind_of(measured: Part) -> str:
    """The kind of what a record keeps of a measurement."""
    return next(kind for kind, workload in MEASUREMENTS.items() if isinstance(measured, workload.measured))


@dataclass(frozen=True)
class _ByKind:
    """A part of a record that each kind has in a form of its own, told by its keys: records do not name the
    kind.
    """

    forms: Callable[[], dict[str, Any]]

    def read(self, value: object) -> object:
        """`value` in the form that has most of its keys; one that is made already, as it is."""
        forms = self.forms().values()
        if isinstance(value, tuple(forms)):
            return value
        keys = set(value) if isinstance(value, dict) else set()
        nearest = max(forms, key=lambda form: (len(keys & _keys(form)), -len(_keys(form))))
        return _adapter(nearest).validate_python(value)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        return {"anyOf": [handler(_adapter(form).core_schema) for form in self.forms().values()]}


def _keys(form: Any) -> set[str]:
    return set(form.model_fields if issubclass(form, BaseModel) else form.__dataclass_fields__)


@functools.cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)


def _points() -> dict[str, Any]:
    return {kind: workload.point for kind, workload in workloads.WORKLOADS.items()}


def _measured() -> dict[str, Any]:
    return {kind: workload.measured for kind, workload in MEASUREMENTS.items()}


AnyPoint = Annotated[Point, _ByKind(_points)]
"""A point of any kind."""

AnyMeasured = Annotated[Part, _ByKind(_measured)]
"""What a record keeps of a measurement of any kind."""
