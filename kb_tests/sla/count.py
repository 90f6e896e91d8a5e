"""How many checks a run makes: all of them share the error probability that its confidence leaves."""

from __future__ import annotations

from kb_tests.scenario.model import HttpSla
from kb_tests.scenario.points import Point, StoragePoint
from kb_tests.scenario.storage import StorageSla
from kb_tests.sla import family
from kb_tests.sla.storage import judge as storage


def checks_of(point: Point, sla: HttpSla | StorageSla) -> int:
    """How many checks of one point, of any kind, can err."""
    if isinstance(point, StoragePoint) and isinstance(sla, StorageSla):
        return storage.number_of_checks(point, sla)
    return family.number_of_checks(sla) if isinstance(sla, HttpSla) else 0
