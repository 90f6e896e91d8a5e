"""The scenario schema: what a YAML file may say. `load.py` reads it, `points.py` expands it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kb_tests.scenario.base import Clients, Flavor, Latency
from kb_tests.scenario.http import HttpLoad, HttpScenario, HttpSla, HttpTopology, Placement
from kb_tests.scenario.storage import StorageScenario, StorageSla

__all__ = [
    "Clients",
    "Flavor",
    "HttpLoad",
    "HttpScenario",
    "HttpSla",
    "HttpTopology",
    "Latency",
    "Placement",
    "Scenario",
    "StorageScenario",
    "StorageSla",
]


Scenario = Annotated[HttpScenario | StorageScenario, Field(discriminator="kind")]
"""A scenario of any kind."""
