"""How many checks a run makes: all of them share the error probability that its confidence leaves."""

from __future__ import annotations

from kb_tests.scenario.base import Point, Sla
from kb_tests.sla.workloads import WORKLOADS


def checks_of(point: Point, sla: Sla) -> int:
    """How many checks of one point, of any kind, can err; a search makes one statement."""
    if point.search:
        return 1
    return WORKLOADS[point.kind].number_of_checks(point, sla)
