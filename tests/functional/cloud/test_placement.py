"""Servers and generators go where the scenario says, and nowhere else; what is not there is refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Topology
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError
from tests.functional.cloud.member import member
from tests.functional.cloud.staged import BOOT, PUBLIC_KEY, scenario

pytestmark = pytest.mark.usefixtures("nothing_left")

HOSTS = ("kb-host-1", "kb-host-2")


@pytest.fixture
def racks(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """An availability zone for each of the two hypervisors."""
    compute: Any = cloud.connection.compute
    aggregates = []
    for number, host in enumerate(HOSTS, start=1):
        aggregate = compute.create_aggregate(name=f"rack-{number}", availability_zone=f"rack-{number}")
        compute.add_host_to_aggregate(aggregate, host)
        aggregates.append((aggregate, host))
    yield "rack-1", "rack-2"
    for aggregate, host in aggregates:
        compute.remove_host_from_aggregate(aggregate, host)
        compute.delete_aggregate(aggregate)


def place(
    cloud: Cloud, journal: Journal, servers: list[str], clients: list[str], **topology: object
) -> Topology:
    placed = scenario(placement={"servers": servers, "clients": clients}, **topology)
    options = StageOptions(image="kb-node", public_key=PUBLIC_KEY)
    return stage(cloud, plan(placed), BOOT, journal, options)


def hosts(servers: Any) -> list[str]:
    return [server.host for server in servers]


def test_rack_to_rack(cloud: Cloud, journal: Journal, racks: tuple[str, str]) -> None:
    one, two = racks
    topology = place(cloud, journal, [one], [two], servers_per_network=3)
    assert hosts(topology.servers) == ["kb-host-1"] * 3
    assert hosts(topology.clients) == ["kb-host-2"] * 3
    assert {server.zone for server in topology.servers} == {one}
    assert {client.zone for client in topology.clients} == {two}
    tear_down(cloud, journal)


def test_host_to_host_in_turn(cloud: Cloud, journal: Journal) -> None:
    one, two = (f"nova:{host}" for host in HOSTS)
    topology = place(cloud, journal, [one, two], [two, one], servers_per_network=3, networks_per_router=2)
    assert hosts(topology.servers)[:4] == ["kb-host-1", "kb-host-2"] * 2
    assert hosts(topology.servers).count("kb-host-1") == 4
    assert all(
        server.host != client.host
        for server, client in zip(topology.servers[:4], topology.clients[:4], strict=True)
    )
    assert len({server.name for server in topology.agents}) == 12
    assert {server.project_id for server in topology.servers} != {cloud.project_id}
    tear_down(cloud, journal)


def test_more_places_than_servers(cloud: Cloud, journal: Journal) -> None:
    topology = place(cloud, journal, [f"nova:{host}" for host in HOSTS], [])
    assert hosts(topology.servers) == ["kb-host-1"]
    tear_down(cloud, journal)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("rack-9", "has no rack-9 to place servers in; it has nova."),
        (
            "nova:kb-host-9",
            "has no nova:kb-host-9 to place servers in; it has nova:kb-host-1, nova:kb-host-2",
        ),
        ("rack-9:kb-host-1", "has no rack-9:kb-host-1 to place"),
    ],
)
def test_places_that_are_not_there(cloud: Cloud, journal: Journal, wanted: str, sentence: str) -> None:
    with pytest.raises(CapacityError, match=sentence):
        place(cloud, journal, [wanted], [])
    assert journal.entries() == ()


def test_a_host_that_is_disabled(cloud: Cloud, journal: Journal) -> None:
    compute: Any = cloud.connection.compute
    (service,) = compute.services(binary="nova-compute", host="kb-host-2")
    compute.disable_service(service)
    try:
        with pytest.raises(CapacityError, match="has no nova:kb-host-2 to place"):
            place(cloud, journal, ["nova:kb-host-2"], [])
    finally:
        compute.enable_service(service)
    assert journal.entries() == ()


def test_a_member_may_choose_zones_but_no_hosts(
    cloud: Cloud, journal: Journal, racks: tuple[str, str], tmp_path: Path
) -> None:
    one, two = racks
    with member(cloud, tmp_path) as clouds_yaml:
        with warnings.catch_warnings(action="ignore"):
            somebody = connect(cloud.name, clouds_yaml)
        with pytest.raises(CapacityError, match="which the user of cloud 'kb-local' may not choose"):
            place(somebody, journal, [f"{one}:kb-host-1"], [two])
        topology = place(somebody, journal, [one], [two], servers_per_network=2)
        assert len(set(hosts(topology.servers))) == len(set(hosts(topology.clients))) == 1
        assert set(hosts(topology.servers)) != set(hosts(topology.clients))
        tear_down(somebody, journal)
        somebody.close()
