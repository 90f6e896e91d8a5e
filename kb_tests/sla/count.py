"""How many checks a run makes: all of them share the error probability that its confidence leaves."""

from __future__ import annotations

from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.scenario.points import Point
from kb_tests.scenario.storage import StoragePoint, StorageSla
from kb_tests.sla.http import judge as http
from kb_tests.sla.storage import judge as storage


def checks_of(point: Point, sla: HttpSla | StorageSla) -> int:
    """How many checks of one point, of any kind, can err; TypeError where the SLA is of another kind."""
    match point, sla:
        case HttpPoint(), HttpSla():
            return http.number_of_checks(sla)
        case StoragePoint(), StorageSla():
            return storage.number_of_checks(point, sla)
        case _:
            raise TypeError(f"{type(sla).__name__} judges no {type(point).__name__}")
