"""An existing network, router or project is used as it is, and is afterwards as it was."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.cleanup import clean
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.doctor import examine
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.findings import State
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Topology
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError, CloudError
from kb_tests.scenario.base import Scenario
from tests.functional.cloud.member import member
from tests.functional.cloud.staged import BOOT, scenario, storage_scenario

CIDR = "10.9.0.0/27"
POOL = {"start": "10.9.0.2", "end": "10.9.0.8"}
"""For DHCP, somebody's port, the proxy and four generators, of which none may take the proxy's."""


@dataclass
class Existing:
    """Somebody's network with a router, a server's port in it, and a router of which nothing hangs."""

    cloud: Cloud
    network: Any
    subnet: Any
    router: Any
    spare: Any
    port: Any

    def state(self) -> list[dict[str, Any]]:
        """All that a run might change about them."""
        neutron: Any = self.cloud.connection.network
        found = [
            neutron.get_network(self.network.id),
            neutron.get_subnet(self.subnet.id),
            neutron.get_router(self.router.id),
            neutron.get_router(self.spare.id),
            *sorted(neutron.ports(network_id=self.network.id), key=lambda port: port.id),
            *neutron.ports(device_id=self.router.id),
            *neutron.ports(device_id=self.spare.id),
        ]
        volatile = {"updated_at", "revision_number", "location"}
        return [{k: v for k, v in one.to_dict().items() if k not in volatile} for one in found]


@pytest.fixture
def existing(cloud: Cloud) -> Iterator[Existing]:
    """In the admin's project."""
    found = make(cloud)
    before = found.state()
    yield found
    after = found.state()
    remove(found)
    assert after == before


def make(cloud: Cloud) -> Existing:
    neutron: Any = cloud.connection.network
    (outside,) = neutron.networks(is_router_external=True)
    network = neutron.create_network(name="team-net")
    subnet = neutron.create_subnet(
        network_id=network.id,
        ip_version=4,
        cidr=CIDR,
        allocation_pools=[POOL],
        name="team-subnet",
        gateway_ip="10.9.0.1",
    )
    gateway = {"network_id": outside.id}
    router = neutron.create_router(name="team-router", external_gateway_info=gateway)
    spare = neutron.create_router(name="spare-router", external_gateway_info=gateway)
    neutron.add_interface_to_router(router.id, subnet.id)
    port = neutron.create_port(network_id=network.id, name="kb-somebody's")
    return Existing(cloud, network, subnet, router, spare, port)


def remove(found: Existing) -> None:
    neutron: Any = found.cloud.connection.network
    neutron.delete_port(found.port.id)
    neutron.remove_interface_from_router(found.router.id, found.subnet.id)
    for router in (found.router, found.spare):
        neutron.delete_router(router.id)
    neutron.delete_network(found.network.id)


def stage_on(cloud: Cloud, journal: Journal, asked: Scenario, **wanted: Any) -> Topology:
    options = StageOptions(image="kb-node", **wanted)
    return stage(cloud, adopt(cloud, plan(asked), options), BOOT, journal, options)


def legs(existing: Existing, router: Any) -> set[str]:
    neutron: Any = existing.cloud.connection.network
    owned = neutron.ports(device_id=router.id)
    return {ip["ip_address"] for port in owned for ip in port.fixed_ips if port.name}


@pytest.mark.usefixtures("nothing_left")
def test_a_router_carries_the_client_network(cloud: Cloud, journal: Journal, existing: Existing) -> None:
    asked = scenario(tenants=2)
    topology = stage_on(cloud, journal, asked, router="spare-router")
    assert legs(existing, existing.spare) == {"198.18.0.1"}
    assert {server.project_id for server in topology.agents} != {cloud.project_id}
    neutron: Any = cloud.connection.network
    ours = [router.name for router in neutron.routers() if router.name.startswith("kb-")]
    assert sorted(name.partition("-server-")[2] for name in ours) == ["1-1", "2-1"]

    with pytest.raises(CapacityError, match=r"already, which overlaps with 198\.18\.0\.0/24 of this run"):
        adopt(cloud, plan(asked), StageOptions(router="spare-router"))
    tear_down(cloud, journal)


@pytest.mark.usefixtures("nothing_left")
def test_a_network_carries_proxy_and_generators_and_its_router_the_servers(
    cloud: Cloud, journal: Journal, existing: Existing, folder: Path
) -> None:
    """In an existing project, too; and what a dead run left goes although its journal is lost."""
    topology = stage_on(
        cloud,
        journal,
        scenario(networks_per_router=2, servers_per_network=2),
        network=existing.network.id,
        own_projects=False,
    )
    assert {server.project_id for server in (topology.proxy, *topology.agents)} == {cloud.project_id}
    assert all(client.address.startswith("10.9.0.") for client in (topology.proxy, *topology.clients))
    assert {server.address.rpartition(".")[0] for server in topology.servers} == {"198.19.0"}
    assert legs(existing, existing.router) == {"198.19.0.1", "198.19.0.17"}
    assert topology.mtus["client"] == existing.network.mtu
    kinds = {entry.kind for entry in journal.entries()}
    assert "router" not in kinds
    names = [entry.id for entry in journal.entries()]
    assert not {existing.network.id, existing.subnet.id, existing.router.id} & set(names)
    journal.release()
    shutil.rmtree(folder)
    clean(cloud, run_id=topology.run_id, force=True, folder=folder)


def test_a_member_puts_disks_on_a_network_of_the_teams(
    cloud: Cloud, journal: Journal, tmp_path: Path
) -> None:
    with member(cloud, tmp_path) as clouds_yaml:
        with warnings.catch_warnings(action="ignore"):
            somebody = connect(cloud.name, clouds_yaml)
        found = make(somebody)
        before = found.state()
        topology = stage_on(somebody, journal, storage_scenario(2), network="team-net", router="team-router")
        assert {server.address.rpartition(".")[0] for server in topology.servers} == {"10.9.0"}
        tear_down(somebody, journal)
        assert found.state() == before
        remove(found)
        somebody.close()


@pytest.mark.usefixtures("nothing_left")
def test_servers_that_install_packages_have_a_way_out(cloud: Cloud, journal: Journal) -> None:
    stage_on(cloud, journal, scenario(), packages=True, nameservers=("192.0.2.53",))
    neutron: Any = cloud.connection.network
    ours = [router for router in neutron.routers() if router.name.startswith("kb-")]
    assert len(ours) == 2
    assert all(router.external_gateway_info for router in ours)
    subnets = [subnet for subnet in neutron.subnets() if subnet.name.startswith("kb-")]
    assert [subnet.dns_nameservers for subnet in subnets] == [["192.0.2.53"]] * 2
    tear_down(cloud, journal)


REFUSED: list[tuple[Scenario, dict[str, Any], str]] = [
    (scenario(), {"router": "nowhere"}, "has no router 'nowhere'; it has spare-router, team-router."),
    (scenario(), {"network": "nowhere"}, "has no network 'nowhere'; it has "),
    (scenario(), {"network": "team-net"}, "is not shared: the run's own projects cannot use it"),
    (
        scenario(),
        {"network": "team-net", "router": "spare-router", "own_projects": False},
        "Router spare-router is not the gateway of network team-net",
    ),
    (
        scenario(routers_per_tenant=2),
        {"network": "team-net", "own_projects": False},
        "asks for 2 server routers; an existing network has but its own",
    ),
    (
        scenario(servers_per_network=30),
        {"network": "team-net", "own_projects": False},
        "has 5 free addresses; scenario small needs 31",
    ),
]


@pytest.mark.usefixtures("existing")
def test_what_does_not_suit_is_refused_before_anything_is_made(cloud: Cloud) -> None:
    for asked, wanted, sentence in REFUSED:
        options = StageOptions(image="kb-node", **wanted)
        with pytest.raises(CapacityError, match=sentence):
            adopt(cloud, plan(asked), options)
    found = examine(cloud.name, plan(asked), options, Path(str(cloud.clouds_yaml)))
    faults = [one.found for one in found if one.state is State.FAULT]
    assert any(sentence in fault for fault in faults)


def test_a_network_without_a_router(cloud: Cloud, existing: Existing) -> None:
    neutron: Any = cloud.connection.network
    alone = neutron.create_network(name="alone")
    neutron.create_subnet(network_id=alone.id, ip_version=4, cidr="10.8.0.0/24")
    try:
        options = StageOptions(network="alone", own_projects=False)
        with pytest.raises(CloudError, match="is no router of cloud 'kb-local' for the proxy's floating IP"):
            adopt(cloud, plan(storage_scenario(1)), options)
        options = StageOptions(network="alone", own_projects=False, floating_ip=False)
        layout = adopt(cloud, plan(storage_scenario(1)), options)
        assert layout.existing.external == ""
        with pytest.raises(CapacityError, match="behind which HTTP servers could be"):
            adopt(cloud, plan(scenario()), options)
    finally:
        neutron.delete_network(alone.id)
