"""Networks."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import bad_request, conflict
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.neutron.common import (
    admin_only,
    bulk,
    check_names,
    check_quota,
    common_view,
    entry,
    find,
    listing,
    own,
    project_of,
    routes,
    string,
)
from kb_tests.localcloud.neutron.state import DHCP, Network

_ALLOWED = frozenset(
    {
        "name", "description", "admin_state_up", "shared", "router:external", "mtu", "port_security_enabled",
        "availability_zone_hints", "provider:network_type", "provider:physical_network",
        "provider:segmentation_id", "is_default", "qos_policy_id", "dns_domain", "vlan_transparent",
    }
)  # fmt: skip


def view(call: Call, network: Network) -> Json:
    """The network as its reader may see it."""
    shown = common_view(network) | {
        "admin_state_up": network.admin_state_up,
        "mtu": network.mtu,
        "status": "ACTIVE",
        "subnets": [subnet.id for subnet in call.cloud.networking.subnets_of(network.id)],
        "shared": network.shared,
        "availability_zone_hints": [],
        "availability_zones": ["nova"],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "router:external": network.external,
        "port_security_enabled": network.port_security,
        "dns_domain": "",
    }
    if network.external:
        shown["is_default"] = True
    if call.caller.is_admin:
        shown |= {
            "provider:network_type": "flat" if network.external else "vxlan",
            "provider:physical_network": "public" if network.external else None,
            "provider:segmentation_id": None if network.external else network.segmentation_id,
        }
    return shown


def is_open(network: Network) -> bool:
    """Everybody sees shared and external networks."""
    return network.shared or network.external


def get(call: Call, identifier: str) -> Network:
    """The network, if the caller may see it.

    Raises:
        ApiError: 404.

    """
    return find(call.cloud.networking.networks, "Network", identifier, call, is_open)


@routes.add("GET", "/v2.0/networks")
async def list_networks(call: Call) -> Response:
    """The caller's, the shared and the external ones; for an administrator all."""
    networks = call.cloud.networking.networks.values()
    seen = [net for net in networks if call.caller.sees(net.project_id) or is_open(net)]
    return listing(call, "networks", (view(call, network) for network in seen))


@routes.add("GET", "/v2.0/networks/{id}")
async def show_network(call: Call) -> Response:
    """One network."""
    return reply({"network": view(call, get(call, call.params["id"]))})


@routes.add("POST", "/v2.0/networks")
async def create_network(call: Call) -> Response:
    """One, or several at once."""
    several = bulk(call, "network")
    if several is not None:
        return reply({"networks": [view(call, await _create(call, given)) for given in several]}, 201)
    return reply({"network": view(call, await _create(call, entry(call, "network")))}, 201)


async def _create(call: Call, given: Json) -> Network:
    check_names(given, _ALLOWED)
    admin_only(
        call, given, "create_network", "shared", "router:external", "is_default",
        "provider:network_type", "provider:physical_network", "provider:segmentation_id",
    )  # fmt: skip
    project_id = project_of(call, given)
    check_quota(call, "network", project_id)
    network = Network(
        project_id=project_id,
        name=string(given, "name"),
        description=string(given, "description"),
        mtu=_mtu(call, given),
        segmentation_id=call.cloud.networking.next_segment(),
        external=truth(given.get("router:external")),
        shared=truth(given.get("shared")),
        admin_state_up=truth(given.get("admin_state_up"), True),
        port_security=truth(given.get("port_security_enabled"), True),
    )
    call.cloud.networking.networks[network.id] = network
    try:
        if not network.external:
            await call.cloud.driver.put_network(network.id, network.mtu)
    except DriverError:
        del call.cloud.networking.networks[network.id]
        raise
    return network


def _mtu(call: Call, given: Json) -> int:
    mtu = given.get("mtu") or call.cloud.mtu
    if not isinstance(mtu, int) or not 68 <= mtu <= 9000:
        raise bad_request(
            f"Invalid input for mtu. Reason: '{mtu}' is not between 68 and 9000.", "HTTPBadRequest"
        )
    return mtu


@routes.add("PUT", "/v2.0/networks/{id}")
async def update_network(call: Call) -> Response:
    """Name, description, sharing, MTU, whether it is external."""
    network, given = get(call, call.params["id"]), entry(call, "network")
    own(call, network, "update_network")
    check_names(given, _ALLOWED)
    admin_only(call, given, "update_network", "shared", "router:external")
    network.name = string(given, "name", network.name)
    network.description = string(given, "description", network.description)
    network.shared = truth(given.get("shared"), network.shared)
    network.external = truth(given.get("router:external"), network.external)
    network.admin_state_up = truth(given.get("admin_state_up"), network.admin_state_up)
    network.port_security = truth(given.get("port_security_enabled"), network.port_security)
    if "mtu" in given:
        network.mtu = _mtu(call, given)
        await call.cloud.driver.put_network(network.id, network.mtu)
    network.touch()
    return reply({"network": view(call, network)})


@routes.add("DELETE", "/v2.0/networks/{id}")
async def delete_network(call: Call) -> Response:
    """A network without ports, but for DHCP's; its subnets go with it."""
    network, networking = get(call, call.params["id"]), call.cloud.networking
    own(call, network, "delete_network")
    ports = networking.network_ports(network.id)
    in_use = [port.id for port in ports if port.device_owner != DHCP]
    if in_use:
        raise conflict(
            f"Unable to complete operation on network {network.id}. "
            "There are one or more ports still in use on the network, id for these ports is: "
            f"{','.join(in_use)}.",
            "NetworkInUse",
        )
    for port in ports:
        networking.remove_port(port)
    for subnet in networking.subnets_of(network.id):
        del networking.subnets[subnet.id]
    del networking.networks[network.id]
    networking.ports_of_network.pop(network.id, None)
    if not network.external:
        await call.cloud.driver.delete_network(network.id)
    return reply(status=204)
