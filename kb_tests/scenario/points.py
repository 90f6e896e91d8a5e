"""Points: the single load runs that a scenario stands for, one test each.

`expand` makes them from a scenario.
"""

from __future__ import annotations

from kb_tests.scenario.base import Clients, Point, Scenario
from kb_tests.scenario.workloads import WORKLOADS

__all__ = ["Point", "expand", "scales"]


def scales(clients: Clients | None, maximum: int) -> list[int]:
    """The numbers of clients that a progression runs, ascending, the maximum always among them."""
    if clients is None:
        return [maximum]
    return [*range(clients.start, maximum, clients.step), maximum]


def expand(scenario: Scenario) -> tuple[Point, ...]:
    """The scenario's points, by scale; then by rate, as numbers, or as the file lists its profiles."""
    of_scale = WORKLOADS[scenario.kind].points
    numbers = scales(scenario.load.clients, scenario.topology.servers)
    return tuple(point for clients in numbers for point in of_scale(scenario, clients))
