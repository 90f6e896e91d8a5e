"""Merging agents' seconds: told when whole, or without the silent; bounded whatever agents send."""

from __future__ import annotations

import base64
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology, paired
from kb_tests.events.model import Second
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.seconds import BEYOND, OPEN, PATIENCE, Part, Seconds

AGENTS = {"a": "node-1", "b": "node-1", "c": "node-2"}


class View:
    def __init__(self, agents: dict[str, str] = AGENTS) -> None:
        self.now = 0.0
        self.told: list[Second] = []
        self.seconds = Seconds(
            "cloud", "point", agents, self.told.append, first=-2, last=9, clock=lambda: self.now
        )

    def add(self, agent: str, index: int, *, completed: int = 100, failed: int = 0, bucket: int = 30) -> None:
        buckets = ((bucket, completed),)
        self.seconds.add(Part(agent, index, completed + failed, completed, failed, 1000, buckets))


def test_a_second_is_told_once_all_agents_parts_are_there() -> None:
    view = View()
    view.add("a", 0)
    view.add("b", 0, failed=7)
    assert view.told == []
    view.add("c", 0, bucket=50)
    [second] = view.told
    assert (second.index, second.agents, second.expected, second.missing) == (0, 3, 3, ())
    assert (second.due, second.completed, second.failed, second.bytes) == (307, 300, 7, 3000)
    assert second.buckets == ((30, 200), (50, 100))
    assert second.hosts == (("node-1", 200, 7, BEYOND), ("node-2", 100, 0, 50))  # 7 of 207 are over a percent
    assert base64.b64decode(second.servers) == bytes([30, BEYOND, 50])


def test_what_broke_each_limit_is_added_up_and_the_worst_instrument_named() -> None:
    view = View()
    for agent, slower, lag, done in (("a", 3, 0.001, 50), ("b", 0, None, 100), ("c", 4, 0.02, 0)):
        part = Part(agent, 0, 100, done, 0, 0, (), slower={"latency p99": slower}, lag=lag, cpu=lag)
        view.seconds.add(part)
    [second] = view.told
    assert second.slower == {"latency p99": 7}
    assert (second.lag, second.cpu) == (0.02, 0.02)
    assert base64.b64decode(second.shares) == bytes([50, 100, 0])


def test_a_share_that_is_not_whole_is_never_told_as_whole() -> None:
    view = View()
    view.add("a", 0, completed=999, failed=1)
    view.add("b", 0, completed=1000)
    view.add("c", 0, completed=1, failed=999)
    [second] = view.told
    assert base64.b64decode(second.shares) == bytes([99, 100, 0])


def test_a_silent_agent_does_not_freeze_the_others() -> None:
    view = View()
    for index in range(5):
        view.now = float(index)
        view.add("a", index)
        view.add("b", index)
    assert [second.index for second in view.told] == [0, 1, 2]
    assert all(second.missing == ("c",) and second.agents == 2 for second in view.told)
    assert base64.b64decode(view.told[0].servers)[2] == 255
    view.seconds.end()
    assert [second.index for second in view.told] == [0, 1, 2, 3, 4]


def test_what_comes_late_twice_or_from_nowhere_is_left_out() -> None:
    view = View()
    view.add("a", 0)
    view.add("a", 0)
    view.add("stranger", 0)
    view.add("a", 10)
    view.add("a", -3)
    view.add("b", 0)
    view.now = PATIENCE
    view.add("b", 1)
    view.add("c", 0)
    assert [(second.index, second.agents, second.completed) for second in view.told] == [(0, 2, 200)]


def test_an_agent_that_is_far_ahead_fills_no_memory() -> None:
    view = View({"a": "", "b": ""})
    for index in range(-2, 10):
        view.add("a", index)
    assert len(view.seconds._open) <= OPEN


@given(st.lists(st.tuples(st.sampled_from("abcx"), st.integers(-5, 12), st.floats(0, 1))))
def test_seconds_are_told_in_order_once_each(arrivals: list[tuple[str, int, float]]) -> None:
    view = View()
    for agent, index, later in arrivals:
        view.now += later
        view.add(agent, index)
    view.seconds.end()
    indices = [second.index for second in view.told]
    assert indices == sorted(set(indices))
    assert all(0 < second.agents <= second.expected == 3 for second in view.told)


def test_a_host_on_which_nothing_is_answered_is_the_slowest() -> None:
    """It was told as the fastest, since there was no time of it."""
    view = View()
    view.add("a", 0)
    view.add("b", 0)
    view.add("c", 0, completed=0, failed=90)
    [second] = view.told
    assert second.hosts == (("node-2", 0, 90, BEYOND), ("node-1", 200, 0, 30))


def test_seconds_are_told_by_the_host_of_what_is_loaded() -> None:
    """Not by that of the generator, which stands elsewhere and would be blamed for a slow server."""
    proxy, *servers = (
        Server("id", name, Role.SERVER, f"10.0.0.{n}", "net", "project", f"node-{n}")
        for n, name in enumerate("pab")
    )
    clients = [
        Server("id", f"client-{n}", Role.CLIENT, f"10.1.0.{n}", "net", "project", f"node-{3 - n}")
        for n in (1, 2)
    ]
    staged = Topology(
        "1f2e3d4c",
        "s",
        "c",
        proxy,
        tuple(servers),
        paired(clients, servers),
        Access("", 22, "", 6379),
        StagingFacts(1, 1),
    )
    told: list[Second] = []
    bus, fleet = SimpleNamespace(put=told.append), SimpleNamespace(turned=list)
    runner = SimpleNamespace(topology=staged, fleet=fleet, _cloud="c", _bus=bus)
    seconds = PointRunner.seconds(
        cast("Any", runner), cast("Any", SimpleNamespace(id="p", clients=2, duration=9)), 0, 0
    )
    seconds.add(Part("client-1", 0, 10, 10, 0, 1, ((80, 10),)))
    seconds.add(Part("client-2", 0, 10, 10, 0, 1, ((30, 10),)))
    assert [(host, bucket) for host, _, _, bucket in told[0].hosts] == [("node-1", 80), ("node-2", 30)]
    assert [client.host for client in staged.clients] == ["node-2", "node-1"]
    assert replace(staged, clients=()).loaded == {"a": "node-1", "b": "node-2"}  # storage loads its own disks
