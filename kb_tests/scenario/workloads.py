"""The kinds of load, as this room knows them: one entry each.

Every room that differs by kind has a table like this one in its `workloads.py`, by the same names. A kind is
what stands in all of them: see docs/adding-a-kind.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from kb_tests.errors import KbError
from kb_tests.scenario.base import Point
from kb_tests.scenario.http import HttpPoint, HttpScenario, http_points
from kb_tests.scenario.storage import StoragePoint, StorageScenario, storage_points

T = TypeVar("T")


class Table(dict[str, T]):
    """What one room knows of each kind of load, by the kind's name; KbError where it knows nothing."""

    def __init__(self, room: str, entries: Mapping[str, T]) -> None:
        super().__init__(entries)
        self.room = room

    def __missing__(self, kind: str) -> T:
        raise KbError(
            f"The kind of load {kind!r} is not known in {self.room}/; known there: {', '.join(self)}.",
            remedy="Add it to the table there.",
        )


@dataclass(frozen=True)
class Workload:
    """`points` makes the points of a scenario at one scale. `unjudged` is an SLA that forbids no load, for
    tests of one's own.
    """

    scenario: type[BaseModel]
    point: type[Point]
    points: Callable[[Any, int], Iterable[Point]]
    unjudged: Mapping[str, object]


WORKLOADS = Table(
    "scenario",
    {
        "http": Workload(HttpScenario, HttpPoint, http_points, {"errors": "100%"}),
        "storage": Workload(StorageScenario, StoragePoint, storage_points, {}),
    },
)
