"""The layout of an HTTP scenario: servers behind routers, and as many generators on the client network."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from kb_tests.cloud.layout import (
    MAX_HOST_ROUTES,
    SERVER_SPACE,
    SPARE_ADDRESSES,
    Layout,
    RouterPlan,
    client_network,
    network,
    prefix_for,
)
from kb_tests.cloud.topology import Role
from kb_tests.errors import ScenarioError
from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.units import counted


def plan(scenario: HttpScenario) -> Layout:
    """ScenarioError when Neutron or the address space cannot carry it."""
    name, topology = scenario.name, scenario.topology
    if topology.routers > MAX_HOST_ROUTES:
        raise ScenarioError(
            f"Scenario {name} asks for {topology.routers} server routers (tenants x "
            f"routers_per_tenant); {MAX_HOST_ROUTES} are possible, as Neutron takes that many "
            "routes for the client subnet.",
            remedy="Use fewer routers, with more networks or servers behind each.",
        )
    per_network = prefix_for(topology.servers_per_network + 1 + SPARE_ADDRESSES)
    per_router = per_network - (topology.networks_per_router - 1).bit_length()
    room = per_router - SERVER_SPACE.prefixlen
    if room < 0 or topology.routers > 1 << room:
        raise ScenarioError(
            f"Scenario {name} asks for {counted(topology.servers, 'server')} in"
            f" {counted(topology.networks, 'network')} behind {counted(topology.routers, 'router')};"
            f" subnets of that number and size do not fit into {SERVER_SPACE}.",
            remedy="Use fewer networks or fewer servers.",
        )
    clients, proxy = client_network(name, "client", Role.CLIENT, topology.servers, topology.routers)
    clients = replace(clients, places=tuple(topology.placement.clients))
    places = tuple(topology.placement.servers)
    first_leg = IPv4Address(clients.gateway) + 1
    supernets = SERVER_SPACE.subnets(new_prefix=per_router)
    routers = []
    for index in range(topology.routers):
        tenant, number = divmod(index, topology.routers_per_tenant)
        router = f"server-{tenant + 1}-{number + 1}"
        supernet = next(supernets)
        cidrs = supernet.subnets(new_prefix=per_network)
        networks = tuple(
            replace(
                network(
                    f"{router}-{n + 1}", tenant + 1, Role.SERVER, next(cidrs), topology.servers_per_network
                ),
                places=places,
            )
            for n in range(topology.networks_per_router)
        )
        routers.append(RouterPlan(router, tenant + 1, str(first_leg + index), str(supernet), networks))
    return Layout(name, topology.flavor, clients, tuple(routers), proxy)
