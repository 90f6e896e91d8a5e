from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

import pytest

from kb_tests.cloud.progress import silent
from kb_tests.cloud.topology import joined, paired
from kb_tests.fleet.channel import ControlChannel
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.joined import JoinedFleet
from tests.unit.fleet.agents import RUN, FakeChannel, topology


def test_servers_serve_on_the_one_cloud_while_generators_run_on_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = topology(2)
    outside = tuple(
        replace(server, cloud="north", floating_ip=f"192.0.2.{number}")
        for number, server in enumerate(whole.servers, start=1)
    )
    north = replace(whole, cloud="north", servers=outside, clients=(), notes=("both", "one"))
    south = replace(
        whole,
        cloud="south",
        proxy=replace(whole.proxy, cloud="south"),
        servers=(),
        clients=paired(whole.clients, outside),
        notes=("both", "other"),
    )
    there, here = FakeChannel(north), FakeChannel(south)
    monkeypatch.setattr(time, "monotonic", here.monotonic)
    servers = Fleet(north, cast("ControlChannel", there))
    fleet = JoinedFleet(south, cast("ControlChannel", here))
    fleet.servers = servers
    for each in (servers, fleet):
        each._wait_for_agents(silent, 2000.0)

    fleet.serve([1024], 10)
    reports = fleet.run({"kind": "load", "http": {}}, 2, 2, HttpGathering)
    assert [report.problem for report in reports] == ["", ""]
    names = {kind: [f"kb-{RUN}-{kind}-{number}" for number in range(2)] for kind in ("server", "client")}
    assert [report.agent for report in reports] == names["client"]
    done = {name: [command["kind"] for command in agent.commands] for name, agent in here.agents.items()}
    assert all("load" in done[name] for name in names["client"])
    assert {name: agent.commands[-1]["kind"] for name, agent in there.agents.items()} == dict.fromkeys(
        names["server"], "serve"
    )
    targets = [
        command["target"]
        for name in names["client"]
        for command in here.agents[name].commands
        if command["kind"] == "enroll"
    ]
    assert targets == ["192.0.2.1", "192.0.2.2"]

    both = fleet.topology
    assert list(fleet.hellos) == names["server"] + names["client"]
    assert (both.cloud, both.testing_cloud, both.notes) == ("north", "south", ("both", "one", "other"))
    assert [server.name for server in both.agents] == names["server"] + names["client"]
    assert both.proxies == (north.proxy, south.proxy)


def test_without_a_second_cloud_there_is_one_proxy_and_no_testing_cloud() -> None:
    alone = topology(1)
    assert (alone.proxies, alone.testing_cloud) == ((alone.proxy,), "")
    assert joined(alone, alone).proxies == (alone.proxy, alone.proxy)
