"""Points: the single load runs that a scenario stands for, one test each.

`expand` makes them from a scenario.
"""

from __future__ import annotations

from typing import assert_never

from kb_tests.scenario.http import HttpPoint, HttpScenario, http_point
from kb_tests.scenario.model import Clients, Scenario
from kb_tests.scenario.storage import StoragePoint, StorageScenario, storage_point

Point = HttpPoint | StoragePoint


def scales(clients: Clients | None, maximum: int) -> list[int]:
    """The numbers of clients that a progression runs, ascending, the maximum always among them."""
    if clients is None:
        return [maximum]
    return [*range(clients.start, maximum, clients.step), maximum]


def expand(scenario: Scenario) -> tuple[Point, ...]:
    """The scenario's points, by scale; then by rate, as numbers, or as the file lists its profiles."""
    numbers = scales(scenario.load.clients, scenario.topology.servers)
    match scenario:
        case HttpScenario():
            rates = sorted(scenario.load.rate)
            return tuple(http_point(scenario, clients, rate) for clients in numbers for rate in rates)
        case StorageScenario():
            profiles = scenario.load.profiles
            return tuple(storage_point(scenario, clients, each) for clients in numbers for each in profiles)
        case _:
            assert_never(scenario)
