"""The projects of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

from kb_tests.cloud.graph import Graph
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies
from kb_tests.cloud.progress import silent
from kb_tests.cloud.projects import add_projects
from kb_tests.cloud.workloads import plan
from kb_tests.scenario.http import HttpScenario

SCENARIO = {
    "name": "small",
    "kind": "http",
    "topology": {"servers_per_network": 2, "flavor": {"vcpus": 1, "ram": "512MiB"}},
    "load": {"page_size": "1KiB", "connections": 1, "rate": [10], "duration": "10s"},
    "sla": {"latency": {"p50": "1s"}},
}


def test_a_project_has_room_for_what_neutron_counts_twice_while_it_is_made() -> None:
    layout = plan(HttpScenario.model_validate(SCENARIO))
    limits = quota_of_one_project(layout)
    needs = layout.needs_of(0)
    default_group = 1
    assert limits["security_groups"] >= 2 * (needs.security_groups + default_group)
    assert limits["networks"] >= 2 * needs.networks
    assert limits["ports"] >= 2 * needs.ports


def quota_of_one_project(layout: Layout) -> dict[str, int]:
    """What is asked of Neutron for the clients' project."""

    def call(what: str, question: Callable[[], Any]) -> Any:
        return question() if what.startswith("setting the network quota of clients") else None

    builder = Mock()
    builder.journal.apart = str
    builder.call = call
    supplies = Supplies(
        image_id="image", disk=1, external_network_id="external", flavor=None, member_role_id="member"
    )
    graph = Graph()
    add_projects(graph, builder, layout, supplies, StageOptions())
    graph.run(1, threading.Event(), silent)
    (asked,) = builder.cloud.connection.network.update_quota.call_args_list
    return dict(asked.kwargs)
