"""What operators choose, as the clients of a cloud meet it: set by name, while it runs or at its start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import LocalCloudError, Running


def test_what_does_not_exist_is_refused_in_one_sentence(null_cloud: Running, state: Path) -> None:
    client = AdminClient(null_cloud)
    with pytest.raises(LocalCloudError, match=r"^There is no setting colour: there are .*routers"):
        client.set(colour="red")
    with pytest.raises(LocalCloudError, match=r"^The setting routers is one of plain, .* not 'best'\.$"):
        client.set(routers="best")
    with pytest.raises(LocalCloudError, match="There is no setting colour"):
        control.up(state, driver="null", parent_pid=os.getpid(), settings={"colour": "red"})


def test_an_administrator_outlives_a_token(null_cloud: Running) -> None:
    client = AdminClient(null_cloud)
    vars(client)["_token"] = "ended"
    assert client.settings()


def test_the_command_line_sets_them_at_the_start_and_later(state: Path) -> None:
    def kb(*words: str) -> str:
        command = [sys.executable, "-m", "kb_tests.localcloud", *words, "--state", str(state)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    kb("up", "--driver", "null", "--parent-pid", str(os.getpid()), "--set", "routers=ha")
    try:
        assert "routers=ha\n" in kb("set")
        assert "routers=dvr\n" in kb("set", "routers=dvr")
        assert kb("set", "routers") == "A setting is given as NAME=VALUE, not 'routers'.\n"
    finally:
        kb("down")


def owners(admin: Any, router: Any) -> list[str]:
    return sorted(str(port.device_owner) for port in admin.network.ports(device_id=router.id))


class Routed:
    """A router with a gateway and a leg in a subnet."""

    def __init__(self, connection: Any, **given: Any) -> None:
        network = connection.network
        external = next(network.networks(**{"router:external": True}))
        self.network = network.create_network(name="routed")
        self.subnet = network.create_subnet(network_id=self.network.id, cidr="10.8.0.0/24", ip_version=4)
        gateway = {"network_id": external.id}
        self.router = network.create_router(name="routed", external_gateway_info=gateway, **given)
        network.add_interface_to_router(self.router, subnet_id=self.subnet.id)
        self._service = network

    def remove(self) -> None:
        self._service.remove_interface_from_router(self.router, subnet_id=self.subnet.id)
        self._service.delete_router(self.router)
        self._service.delete_network(self.network)


@pytest.mark.parametrize(
    ("kind", "legs"),
    [
        (
            {"is_ha": True},
            [
                "network:ha_router_replicated_interface",
                "network:router_gateway",
                "network:router_ha_interface",
                "network:router_ha_interface",
            ],
        ),
        (
            {"is_distributed": True},
            [
                "network:router_centralized_snat",
                "network:router_gateway",
                "network:router_interface_distributed",
            ],
        ),
        (
            {"is_distributed": True, "is_ha": True},
            [
                "network:router_centralized_snat",
                "network:router_gateway",
                "network:router_ha_interface",
                "network:router_ha_interface",
                "network:router_interface_distributed",
            ],
        ),
    ],
    ids=["ha", "dvr", "dvr-ha"],
)
def test_an_administrator_sees_the_ports_of_ha_and_dvr(
    admin: Any, kind: dict[str, bool], legs: list[str]
) -> None:
    routed = Routed(admin, **kind)
    assert owners(admin, routed.router) == legs
    shown = admin.network.get_router(routed.router.id)
    assert (shown.is_ha, shown.is_distributed) == (
        kind.get("is_ha", False),
        kind.get("is_distributed", False),
    )
    interfaces = {port.device_owner: port for port in admin.network.ports(device_id=routed.router.id)}
    for owner in set(legs) & {"network:router_ha_interface", "network:router_centralized_snat"}:
        port = interfaces[owner]
        assert port.project_id == ""
        refused = admin.network.put(
            f"/routers/{routed.router.id}/remove_router_interface", json={"port_id": port.id}
        )
        assert refused.status_code == 404
        assert refused.json()["NeutronError"]["type"] == "RouterInterfaceNotFound"
        assert admin.network.delete(f"/ports/{port.id}").status_code == 409
    routed.remove()
    assert owners(admin, routed.router) == []
    assert [net.name for net in admin.network.networks() if net.name.startswith("HA network")] == []


def test_an_ha_network_is_there_as_long_as_routers_of_its_project_need_it(admin: Any) -> None:
    first, second = (admin.network.create_router(name=f"ha-{number}", is_ha=True) for number in (1, 2))
    networks = [net for net in admin.network.networks() if net.name.startswith("HA network tenant ")]
    assert [(net.name, net.project_id) for net in networks] == [(f"HA network tenant {first.project_id}", "")]
    assert len(list(admin.network.ports(network_id=networks[0].id))) == 4
    admin.network.delete_router(first)
    assert len(list(admin.network.ports(network_id=networks[0].id))) == 2
    admin.network.delete_router(second)
    assert admin.network.find_network(networks[0].id) is None


def test_members_get_routers_as_the_operator_chose_and_see_the_ports_in_their_own_networks(
    admin: Any, tenant: Any, choose: Callable[..., None]
) -> None:
    choose(routers="dvr-ha")
    routed = Routed(tenant.connection)
    assert owners(tenant.connection, routed.router) == [
        "network:router_centralized_snat",
        "network:router_interface_distributed",
    ]
    assert len(owners(admin, routed.router)) == 5
    routed.remove()
