"""Kinds of load stand in one table a room, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud import workloads as cloud
from kb_tests.compare import workloads as compare
from kb_tests.culprits import workloads as culprits
from kb_tests.errors import KbError
from kb_tests.fleet import workloads as fleet
from kb_tests.report import workloads as report
from kb_tests.report.measurements import MEASUREMENTS
from kb_tests.scenario import workloads as scenario
from kb_tests.scenario.workloads import Table
from kb_tests.session import workloads as session
from kb_tests.sla import workloads as sla
from kb_tests.web import workloads as web

PACKAGE = Path(__file__).parents[2] / "kb_tests"
TABLES: list[Table[Any]] = [
    MEASUREMENTS,
    *(room.WORKLOADS for room in (scenario, cloud, fleet, sla, report, compare, culprits, session, web)),
]
FORK = re.compile(
    r"isinstance\([^)]*\b(Http|Storage)(Point|Scenario|Sla|HttpMeasurement)|case (Http|Storage)\w+\("
    r"|\belse \"(http|storage)\"|kind [!=]= \"(http|storage)\""
)


def test_every_room_knows_the_same_kinds() -> None:
    assert [list(table) for table in TABLES] == [["http", "storage"]] * len(TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.room)
def test_a_kind_that_a_room_does_not_know_is_named_with_the_room(table: Table[Any]) -> None:
    with pytest.raises(KbError, match=f"'udp' is not known in {table.room}/; known there: http, storage"):
        table["udp"]


def test_no_file_that_kinds_share_asks_which_kind_it_has() -> None:
    shared = [
        path
        for path in PACKAGE.rglob("*.py")
        if not {"http", "storage", "localcloud"} & {*path.relative_to(PACKAGE).with_suffix("").parts}
    ]
    assert len(shared) > 100
    assert {path.name for path in shared if FORK.search(path.read_text())} == set()
    for fork in (
        "if isinstance(point.point, HttpPoint):",
        'kind if kind in known else "http"',
        'if kind == "storage":',
    ):
        assert FORK.search(fork)
