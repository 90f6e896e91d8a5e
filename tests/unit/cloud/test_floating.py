"""Floating IPs of HTTP servers, and who may come to them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from keystoneauth1 import exceptions as ksa

from kb_tests.cloud import floating
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.graph import Graph, known
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.networks import ClientSide, Network
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.patience import Patience
from kb_tests.cloud.progress import silent
from kb_tests.cloud.topology import Role, Server
from kb_tests.errors import StagingError
from tests.waiting import PATIENCE

OPTIONS = StageOptions()


class _Network:
    """Neutron, whose answers to the first creations of floating IPs get lost."""

    def __init__(self, outer: list[str], lost: int = 0) -> None:
        self.outer = outer
        self.lost = lost
        self.made: list[Any] = []
        self.at = {"net-1": [1, 2], "net-2": [3]}

    def get_router(self, router_id: str) -> Any:
        addresses = [{"ip_address": address} for address in self.outer]
        return SimpleNamespace(name=router_id, external_gateway_info={"external_fixed_ips": addresses})

    def create_ip(self, **attributes: Any) -> Any:
        number = len(self.made) + 1
        address = f"192.0.2.{number}"
        self.made.append(SimpleNamespace(id=f"f{number}", floating_ip_address=address, **attributes))
        if number <= self.lost:
            raise ksa.ConnectFailure("gone")
        return self.made[-1]

    def ports(self, network_id: str) -> list[Any]:
        return [SimpleNamespace(id=f"port-{n}", device_id=f"id-{n}") for n in self.at[network_id]]

    def ips(self, **_query: Any) -> list[Any]:
        return self.made


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.start("south", run_id="01234567", folder=tmp_path)


def _builder(journal: Journal, network: _Network, egress: tuple[str, ...] = ()) -> Builder:
    connection = SimpleNamespace(network=network)
    cloud = SimpleNamespace(
        name="south",
        connection=connection,
        egress=egress,
        project_id="p",
        is_admin=True,
        has_volumes=False,
        patience=Patience(first_wait=0.0),
    )
    return Builder(cast("Cloud", cloud), journal, until=time.monotonic() + PATIENCE, stop=threading.Event())


def _visitors(builder: Builder) -> list[str]:
    graph = Graph()
    step = floating.add_visitors(
        graph, builder, cast("ClientSide", SimpleNamespace(router_id=known("router", "outer")))
    )
    graph.run(1, builder.stop)
    return step.value


def test_generators_are_known_by_their_routers_ipv4_addresses(journal: Journal) -> None:
    network = _Network(["2001:db8::7", "192.0.2.7"])
    assert _visitors(_builder(journal, network)) == ["192.0.2.7/32"]
    assert _visitors(_builder(journal, network, ("198.51.100.0/24",))) == ["198.51.100.0/24"]
    with pytest.raises(StagingError, match=r"does not tell the outer address of router outer.*kb_egress"):
        _visitors(_builder(journal, _Network(["2001:db8::7"])))
    journal.release()


def _server(number: int, network: str) -> Server:
    name = f"kb-01234567-server-{number}"
    return Server(f"id-{number}", name, Role.SERVER, f"10.0.0.{number}", network, "p")


def _attach(builder: Builder, servers: list[Server]) -> list[Server]:
    networks = [
        SimpleNamespace(
            plan=SimpleNamespace(name=f"server-{n}", tenant=n), network=known("net", Network(f"net-{n}", 0))
        )
        for n in (1, 2)
    ]
    projects = {n: SimpleNamespace(scope={"project_id": f"tenant-{n}"}) for n in (1, 2)}
    supplies = SimpleNamespace(external_network_id="public")
    return floating.attach(
        builder, cast("Any", networks), cast("Any", projects), servers, cast("Any", supplies), OPTIONS, silent
    )


def test_each_server_gets_a_floating_ip_in_its_project(journal: Journal) -> None:
    network = _Network([])
    servers = [_server(1, "server-1"), _server(2, "server-1"), _server(3, "server-2"), _server(9, "client")]
    given = {server.name: server.floating_ip for server in _attach(_builder(journal, network), servers)}
    assert given.keys() == {server.name for server in servers[:3]}
    to = {made.floating_ip_address: (made.port_id, made.project_id) for made in network.made}
    assert [to[given[server.name]] for server in servers[:3]] == [
        ("port-1", "tenant-1"),
        ("port-2", "tenant-1"),
        ("port-3", "tenant-2"),
    ]
    assert [made.floating_network_id for made in network.made] == ["public"] * 3
    assert {entry.name for entry in journal.entries()} == given.keys()
    journal.release()


def test_a_server_whose_port_is_not_listed_is_not_left_without(journal: Journal) -> None:
    network = _Network([])
    with pytest.raises(StagingError, match="no port of server kb-01234567-server-4"):
        _attach(_builder(journal, network), [_server(1, "server-1"), _server(4, "server-2")])
    assert network.made == []
    journal.release()


def test_a_floating_ip_whose_answer_was_lost_is_found_by_its_port(journal: Journal) -> None:
    network = _Network([], lost=2)
    builder = _builder(journal, network)
    addresses = [
        builder.create("floating_ip", f"server-{number}", port_id=f"port-{number}").floating_ip_address
        for number in range(1, 4)
    ]
    assert addresses == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert [made.port_id for made in network.made] == ["port-1", "port-2", "port-3"]
    journal.release()
