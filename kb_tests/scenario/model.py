"""The scenario schema: what a YAML file may say. `load.py` reads it, `points.py` expands it."""

from __future__ import annotations

from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter

from kb_tests.scenario.base import Clients, Flavor, Latency, Scenario
from kb_tests.scenario.http import HttpLoad, HttpScenario, HttpSla, HttpTopology
from kb_tests.scenario.placement import Placement, StoragePlacement
from kb_tests.scenario.storage import StorageScenario, StorageSla
from kb_tests.scenario.workloads import WORKLOADS

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
    "StoragePlacement",
    "StorageScenario",
    "StorageSla",
    "schema",
]


def schema() -> dict[str, Any]:
    """The JSON schema of scenarios of every kind."""
    models: Any = Union[tuple(workload.scenario for workload in WORKLOADS.values())]  # noqa: UP007
    adapter: Any = TypeAdapter(Annotated[models, Field(discriminator="kind")])
    found: dict[str, Any] = adapter.json_schema()
    return found
