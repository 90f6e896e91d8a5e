"""A router comes apart whatever ports Neutron has on it, and in whatever order they are listed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from types import SimpleNamespace
from typing import Any, cast

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.kind import Resource
from kb_tests.cloud.kinds import KINDS

ROUTER = Resource("router", "r1", "kb-01234567-client", "01234567", 0)


def refusal(kind: type[sdk.HttpException], status: int) -> sdk.HttpException:
    """As openstacksdk raises it for a response."""
    error = kind("injected")
    error.status_code = status
    return error


class Neutron:
    """Routers as Neutron 2026.2 guards them: `_remove_interface_by_port` knows interfaces only, and a router
    with interfaces stays.
    """

    interfaces = (
        "network:router_interface",
        "network:router_interface_distributed",
        "network:ha_router_replicated_interface",
    )

    def __init__(self, owners: tuple[str, ...], vanishing: str = "") -> None:
        self.owners = {f"port-{number}": owner for number, owner in enumerate(owners)}
        self.vanishing = vanishing
        self.routers = {"r1"}

    def ports(self, device_id: str) -> list[Any]:
        assert device_id == "r1"
        listed = [SimpleNamespace(id=id_, device_owner=owner) for id_, owner in self.owners.items()]
        if self.vanishing:
            del self.owners[self.vanishing]
        return listed

    def remove_interface_from_router(self, router: str, subnet: None, port: str) -> None:
        if self.owners.get(port, "") not in self.interfaces:
            raise refusal(sdk.NotFoundException, 404)
        del self.owners[port]

    def delete_router(self, router: str, *, ignore_missing: bool = True) -> None:
        if set(self.owners.values()) & set(self.interfaces):
            raise refusal(sdk.ConflictException, 409)
        if router not in self.routers and not ignore_missing:
            raise refusal(sdk.NotFoundException, 404)
        self.routers.discard(router)


@pytest.fixture
def removed() -> Callable[[Neutron], Neutron]:
    def remove(neutron: Neutron) -> Neutron:
        cloud = cast("Cloud", SimpleNamespace(connection=SimpleNamespace(network=neutron)))
        KINDS["router"].delete(cloud, ROUTER)
        return neutron

    return remove


@pytest.mark.parametrize(
    "owners",
    [
        ("network:router_ha_interface", "network:ha_router_replicated_interface", "network:router_gateway"),
        ("network:router_centralized_snat", "network:router_interface_distributed", "network:router_gateway"),
        ("network:floatingip_agent_gateway", "network:router_interface", "network:router_interface"),
    ],
    ids=["ha", "dvr", "agent"],
)
def test_a_router_comes_apart_in_whatever_order_its_ports_are(
    owners: tuple[str, ...], removed: Callable[[Neutron], Neutron]
) -> None:
    for order in permutations(owners):
        assert removed(Neutron(order)).routers == set()


def test_an_interface_that_goes_meanwhile_does_not_keep_the_others(
    removed: Callable[[Neutron], Neutron],
) -> None:
    neutron = Neutron(("network:router_interface", "network:router_interface"), vanishing="port-0")
    assert removed(neutron).routers == set()
