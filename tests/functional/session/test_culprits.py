"""A host whose servers were made slow in mid-run is named, and nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.protocol import SIGNS_OF_NETWORK
from kb_tests.localcloud import control
from kb_tests.localcloud.control import Running
from tests.functional.session.live import Live
from tests.functional.session.named import only_named
from tests.functional.session.suite import Suite

SCENARIO = """\
name: hosts
kind: http
topology: {networks_per_router: 4, servers_per_network: 6, flavor: {ram: 64MiB}}
load: {page_size: 1KiB, connections: 20, rate: [20, 21], duration: 15s, warm_up: 2s, timeout: 3s}
sla: {latency: {p97: 500ms}}
"""
DELAY = 400
TWICE = SCENARIO.replace("[20, 21]", str([*range(20, 31)])).replace("p97: 500ms", "p99: 300ms")
LATER = 100
"""Milliseconds each way, of every server; those of the slow host are late twice as much."""


@pytest.fixture
def eight_hosts(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), hosts=8)
    control.down(folder)


@pytest.mark.nightly
def test_the_host_is_named_and_nobody_else(eight_hosts: Running, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(SCENARIO)
    live = Live(Suite(eight_hosts, tmp_path), "hosts.yaml")
    try:
        live.wait_for_point(1)
        admin = live.suite.admin
        hosts: dict[str, list[dict[str, Any]]] = {}
        for server in admin.servers():
            if "-server-" in server["name"]:
                hosts.setdefault(server["host"], []).append(server)
        assert len(hosts) == 8
        host, slow = next((host, servers) for host, servers in hosts.items() if len(servers) == 3)
        for server in slow:
            admin.harm_server(server["id"], "delay", milliseconds=DELAY)
        ended = live.end()
    finally:
        live.kill()
    only_named(ended, host, hosts, "p97 of response time is ")
    signs = ended.record["points"][1]["signs"]
    assert {one["server"] for one in signs} >= {server["name"] for server in slow}, signs
    assert all(set(one["figures"]) == set(SIGNS_OF_NETWORK) for one in signs), "the rest is this machine's"


@pytest.mark.nightly
def test_a_host_at_twice_the_median_is_named_in_nine_points_of_ten(
    eight_hosts: Running, tmp_path: Path
) -> None:
    """Another host each time, on one staging; in nine of ten points nobody else is named."""
    (tmp_path / "hosts.yaml").write_text(TWICE)
    live = Live(Suite(eight_hosts, tmp_path), "hosts.yaml")
    slow: list[str] = []
    try:
        live.wait_for_point(1)
        admin = live.suite.admin
        placed = {one["name"]: one["host"] for one in admin.servers() if "-server-" in one["name"]}
        hosts = sorted(set(placed.values()))
        assert len(hosts) == 8
        for number in range(1, 11):
            live.wait_for_point(number)
            admin.harm_servers("-server-", "delay", milliseconds=LATER)
            slow.append(hosts[number % 8])
            for name in (name for name, host in placed.items() if host == slow[-1]):
                admin.harm_server(name, "delay", milliseconds=2 * LATER)
        ended = live.end()
    finally:
        live.kill()
    healthy, *points = ended.record["points"]
    assert (healthy["verdict"]["outcome"], healthy["culprits"]) == ("pass", []), ended.output
    named = [host in " ".join(point["culprits"][:1]) for host, point in zip(slow, points, strict=True)]
    accused = [
        [other for other in hosts if other != host and other in " ".join(point["culprits"])]
        for host, point in zip(slow, points, strict=True)
    ]
    assert sum(named) >= 9, (named, accused, ended.output)
    assert sum(not others for others in accused) >= 9, (named, accused)
