from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.cloud.describe import describe
from kb_tests.cloud.layout import CLIENT_SPACE, SERVER_SPACE, Layout, VolumePlan, apart
from kb_tests.cloud.topology import Role
from kb_tests.cloud.workloads import plan
from kb_tests.errors import ScenarioError
from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.storage import StorageScenario


def scenario(**topology: object) -> HttpScenario:
    topology.setdefault("flavor", {"vcpus": 2, "ram": "1GiB"})
    return HttpScenario.model_validate(
        {
            "name": "wide",
            "kind": "http",
            "topology": topology,
            "load": {"rate": [100, 0], "page_size": "1KiB", "warm_up": "5s", "duration": "15s"},
            "sla": {"errors": "1%"},
        }
    )


def laid_out(tenants: int, routers: int, networks: int, servers: int) -> Layout | None:
    try:
        return plan(
            scenario(
                tenants=tenants,
                routers_per_tenant=routers,
                networks_per_router=networks,
                servers_per_network=servers,
            )
        )
    except ScenarioError:
        return None


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 40), st.integers(1, 300))
def test_addresses_never_collide(tenants: int, routers: int, networks: int, servers: int) -> None:
    layout = laid_out(tenants, routers, networks, servers)
    if layout is None:
        assert tenants * routers > 20 or tenants * routers * networks * servers > 10_000
        return
    cidrs = [ip_network(network.cidr) for network in (*layout.networks, layout.clients)]
    assert len(cidrs) == tenants * routers * networks + 1
    assert not any(a.overlaps(b) for a, b in combinations(cidrs[:200], 2))
    supernets = [ip_network(router.supernet) for router in layout.routers]
    assert not any(a.overlaps(b) for a, b in combinations(supernets, 2))
    for router, supernet in zip(layout.routers, supernets, strict=True):
        assert supernet.subnet_of(SERVER_SPACE)  # type: ignore[arg-type]
        for network in router.networks:
            assert ip_network(network.cidr).subnet_of(supernet)  # type: ignore[arg-type]
            assert network.tenant == router.tenant

    clients = ip_network(layout.clients.cidr)
    assert clients.subnet_of(CLIENT_SPACE)  # type: ignore[arg-type]
    fixed = [layout.clients.gateway, layout.proxy_address, *(router.leg for router in layout.routers)]
    assert len(set(fixed)) == len(fixed)
    assert all(ip_address(address) in clients for address in fixed)
    assert all(int(ip_address(address)) < int(ip_address(layout.clients.first)) for address in fixed)
    for network in (*layout.networks, layout.clients):
        room = int(ip_address(network.last)) - int(ip_address(network.first)) + 1
        assert room >= network.servers + 5
        assert ip_address(network.last) in ip_network(network.cidr)
        assert network.gateway not in (network.first, network.last)
    assert layout.host_routes == tuple((router.supernet, router.leg) for router in layout.routers)


def test_names_are_host_names_and_unique() -> None:
    layout = plan(scenario(tenants=4, routers_per_tenant=5, networks_per_router=3))
    names = [network.name for network in (*layout.networks, layout.clients)]
    assert len(set(names)) == len(names) == 61
    assert all(len(f"kb-01234567-{name}-1000") <= 63 for name in names)


def test_more_routers_than_routes_are_refused() -> None:
    plan(scenario(tenants=20))
    with pytest.raises(ScenarioError, match=r"asks for 21 server routers .* 20 are possible"):
        plan(scenario(tenants=21))


def test_more_networks_than_addresses_are_refused() -> None:
    with pytest.raises(ScenarioError, match="do not fit into"):
        plan(scenario(routers_per_tenant=20, networks_per_router=200, servers_per_network=100))


def test_servers_are_dealt_to_places_in_turn() -> None:
    placement = {"servers": ["rack-1", "rack-2", "rack-3"], "clients": ["rack-4"]}
    layout = plan(scenario(servers_per_network=5, networks_per_router=2, placement=placement))
    assert [network.dealt for network in layout.networks] == [
        (("rack-1", 2), ("rack-2", 2), ("rack-3", 1))
    ] * 2
    assert layout.clients.dealt == (("rack-4", 10),)
    assert layout.places == ("rack-4", "rack-1", "rack-2", "rack-3")
    assert not layout.forces_hosts


def test_without_placement_nova_chooses() -> None:
    layout = plan(scenario(servers_per_network=3))
    assert layout.places == ()
    assert {network.dealt for network in (layout.clients, *layout.networks)} == {(("", 3),)}


def test_only_places_that_get_servers_count() -> None:
    layout = plan(scenario(placement={"servers": ["a:one", "b"], "clients": ["c", "d:two"]}))
    assert layout.places == ("c", "a:one")
    assert layout.forces_hosts


@pytest.mark.parametrize("place", ["", ":host", "zone:", "zone:host:node", "a zone"])
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(ValueError, match=r"placement\.servers\.0"):
        scenario(placement={"servers": [place]})


def test_needs_add_up() -> None:
    layout = plan(scenario(tenants=2, routers_per_tenant=1, networks_per_router=2, servers_per_network=3))
    needs = layout.needs
    assert needs.servers == 12 + 12 + 1
    assert (needs.vcpus, needs.ram) == (50, 25 * 1024)
    assert (needs.networks, needs.routers, needs.floating_ips) == (5, 3, 1)
    assert needs.security_groups == 2 + 4
    assert layout.needs_of(1) == layout.needs_of(2)
    assert layout.needs_of(0).servers == 13


def test_two_clouds_share_the_servers_and_the_generators_out() -> None:
    whole = plan(scenario(tenants=2, servers_per_network=3, placement={"servers": ["a"], "clients": ["b"]}))
    servers, clients = apart(whole)
    assert [network.servers for network in servers.networks] == [3, 3]
    assert (servers.needs.servers, servers.needs_of(0).servers) == (7, 1)
    assert (servers.needs.floating_ips, servers.gateways, servers.places) == (7, 3, ("a",))
    assert servers.clients.dealt == ()
    assert (clients.networks, clients.host_routes, clients.run_subnets) == ((), (), (whole.clients.cidr,))
    assert (clients.needs.servers, clients.needs.floating_ips, clients.gateways) == (7, 1, 1)
    assert clients.places == ("b",)
    with pytest.raises(ScenarioError, match="disks has no traffic generators"):
        apart(plan(storage(target="ephemeral")))


def test_plan_is_told_in_words() -> None:
    asked = scenario(servers_per_network=2)
    text = describe(asked, plan(asked))
    assert "5: proxy, 2 HTTP servers, 2 traffic generators" in text
    assert "3.906MiB, and in 1 point as much as goes" in text
    assert "load lasts  40s" in text
    assert "2 addresses: a router's gateway, the proxy's floating IP" in text
    two = describe(asked, *apart(plan(asked)))
    assert "3: proxy, 2 HTTP servers\n" in two
    assert "3: proxy, 2 traffic generators\n" in two
    assert "5 addresses: 2 routers' gateways, 3 floating IPs" in two


def storage(**topology: object) -> StorageScenario:
    return StorageScenario.model_validate(
        {
            "name": "disks",
            "kind": "storage",
            "topology": {"servers": 4, **topology},
            "load": {
                "profiles": [
                    {"name": "random read", "mode": "randread", "rate_iops": 100},
                    {"name": "as it goes", "mode": "read", "block_size": "1MiB"},
                ],
                "ramp": "5s",
                "duration": "15s",
            },
            "sla": {"max_stall": "1s"},
        }
    )


def test_storage_servers_share_one_network() -> None:
    layout = plan(storage(volume={"size": "10GiB", "type": "fast"}))
    assert layout.routers == ()
    assert (layout.clients.role, layout.clients.servers, layout.clients.name) == (Role.STORAGE, 4, "storage")
    assert layout.volume == VolumePlan(10 << 30, "fast")
    assert (layout.needs.servers, layout.needs.volumes, layout.needs.gibibytes) == (5, 4, 40)
    assert plan(storage(target="ephemeral")).volume is None
    with pytest.raises(ScenarioError, match="70000 servers in one network"):
        plan(storage(volume={"size": "1GiB"}).model_copy(update={"topology": _huge()}))


def _huge() -> object:
    return storage(volume={"size": "1GiB"}).topology.model_copy(update={"servers": 70_000})


def test_storage_plan_is_told_in_words() -> None:
    asked = storage(volume={"size": "10GiB"})
    text = describe(asked, plan(asked))
    assert "5: proxy, 4 storage servers" in text
    assert "4, 40GiB in all" in text
    assert "disks filled  4 x 1GiB, before the first point" in text
    assert "and in 1 point as much as goes" in text
