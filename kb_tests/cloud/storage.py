"""The layout of a storage scenario, and what it says of itself beforehand."""

from __future__ import annotations

from dataclasses import replace

from kb_tests.cloud.layout import Layout, VolumePlan, client_network
from kb_tests.cloud.topology import Role
from kb_tests.scenario.storage import StorageScenario
from kb_tests.scenario.units import format_size


def plan(scenario: StorageScenario) -> Layout:
    """One network; ScenarioError when the address space cannot carry it."""
    name, topology = scenario.name, scenario.topology
    clients, proxy = client_network(name, "storage", Role.STORAGE, topology.servers, routers=0)
    clients = replace(clients, places=tuple(topology.placement.servers))
    spec = topology.volume
    volume = VolumePlan(spec.size, spec.type or "") if spec else None
    return Layout(name, topology.flavor, clients, (), proxy, volume)


def rows(scenario: StorageScenario) -> dict[str, str]:
    """Its disks are filled before anything is read from them."""
    topology = scenario.topology
    filled = f"{topology.servers} x {format_size(topology.file_size)}"
    return {"disks filled": f"{filled}, before the first point"}
