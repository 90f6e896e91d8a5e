"""The kinds of load, as this room knows them: how each is laid out, and what `kb plan` says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kb_tests.cloud import http, storage
from kb_tests.cloud.layout import Layout
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.workloads import Table


def _no_rows(_scenario: Scenario) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Workload:
    """`plan` lays a scenario out, `rows` are lines of `kb plan` before those that all kinds have."""

    plan: Callable[[Any], Layout]
    rows: Callable[[Any], Mapping[str, str]] = _no_rows


WORKLOADS = Table("cloud", {"http": Workload(http.plan), "storage": Workload(storage.plan, storage.rows)})


def plan(scenario: Scenario) -> Layout:
    """Lay a scenario out; ScenarioError when Neutron or the address space cannot carry it."""
    return WORKLOADS[scenario.kind].plan(scenario)
