"""How points of each kind of load are shown. What a record keeps of them is below: `measurements`."""

from __future__ import annotations

from typing import Any

from kb_tests.report.http.presentation import HttpPresentation
from kb_tests.report.shown import Presentation
from kb_tests.report.storage.presentation import StoragePresentation
from kb_tests.scenario.base import Point
from kb_tests.scenario.workloads import Table

WORKLOADS: Table[Presentation[Any]] = Table(
    "report", {"http": HttpPresentation(), "storage": StoragePresentation()}
)


def presentation(point: Point) -> Presentation[Any]:
    """How points of the kind of `point` are shown."""
    return WORKLOADS[point.kind]
