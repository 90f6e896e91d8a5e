"""Floating IPs."""

from __future__ import annotations

from contextlib import suppress

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import ApiError, bad_request, conflict, not_found
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.neutron import networks, ports, routers
from kb_tests.localcloud.neutron.common import (
    check_names,
    check_quota,
    common_view,
    denied,
    entry,
    find,
    listing,
    project_of,
    routes,
    string,
)
from kb_tests.localcloud.neutron.state import FLOATING, FloatingAddress

_ALLOWED = frozenset(
    {
        "floating_network_id", "port_id", "fixed_ip_address", "floating_ip_address", "subnet_id",
        "description", "dns_name", "dns_domain", "qos_policy_id",
    }
)  # fmt: skip


def view(call: Call, floating: FloatingAddress) -> Json:
    """The floating IP's body."""
    port = call.cloud.networking.ports.get(floating.port_id or "")
    details = None
    if port is not None:
        details = {
            "name": port.name,
            "network_id": port.network_id,
            "mac_address": port.mac_address,
            "admin_state_up": port.admin_state_up,
            "status": "ACTIVE" if port.active else "DOWN",
            "device_id": port.device_id,
            "device_owner": port.device_owner,
        }
    shown = common_view(floating) | {
        "floating_network_id": floating.network_id,
        "floating_ip_address": floating.address,
        "fixed_ip_address": floating.fixed_address,
        "port_id": floating.port_id,
        "router_id": floating.router_id,
        "status": _status(floating),
        "port_details": details,
        "port_forwardings": [],
        "qos_policy_id": None,
        "dns_name": "",
        "dns_domain": "",
    }
    del shown["name"]
    return shown


def _status(floating: FloatingAddress) -> str:
    if floating.broken:
        return "ERROR"
    return "ACTIVE" if floating.port_id else "DOWN"


def get(call: Call, identifier: str) -> FloatingAddress:
    """The floating IP, if it is the caller's.

    Raises:
        ApiError: 404.

    """
    return find(call.cloud.networking.floating, "Floatingip", identifier, call)


@routes.add("GET", "/v2.0/floatingips")
async def list_floating(call: Call) -> Response:
    """The caller's."""
    seen = [each for each in call.cloud.networking.floating.values() if call.caller.sees(each.project_id)]
    return listing(call, "floatingips", (view(call, floating) for floating in seen))


@routes.add("GET", "/v2.0/floatingips/{id}")
async def show_floating(call: Call) -> Response:
    """One floating IP."""
    return reply({"floatingip": view(call, get(call, call.params["id"]))})


@routes.add("POST", "/v2.0/floatingips")
async def create_floating(call: Call) -> Response:
    """An address of an external network, led to a port if one is given."""
    given, cloud = entry(call, "floatingip"), call.cloud
    check_names(given, _ALLOWED)
    network = networks.get(call, str(given.get("floating_network_id", "")))
    if not network.external:
        raise bad_request(
            f"Bad floatingip request: Network {network.id} is not a valid external network.", "BadRequest"
        )
    if given.get("floating_ip_address") and not call.caller.is_admin:
        raise denied("create_floatingip:floating_ip_address")
    project_id = project_of(call, given)
    check_quota(call, "floatingip", project_id)
    wanted = None
    if given.get("floating_ip_address"):
        wanted = [{"ip_address": given["floating_ip_address"]}]
    elif given.get("subnet_id"):
        wanted = [{"subnet_id": given["subnet_id"]}]
    own_port = ports.create(cloud, network, "", fixed_ips=wanted, device_owner=FLOATING)
    floating = FloatingAddress(
        project_id=project_id,
        description=string(given, "description"),
        network_id=network.id,
        address=own_port.fixed_ips[0][1],
        own_port=own_port.id,
    )
    cloud.networking.rebind(own_port, floating.id, FLOATING)
    try:
        if given.get("port_id"):
            _associate(call, floating, str(given["port_id"]), given.get("fixed_ip_address"))
        cloud.networking.floating[floating.id] = floating
        await _push(call, floating)
    except Exception:
        cloud.networking.floating.pop(floating.id, None)
        cloud.networking.remove_port(own_port)
        raise
    return reply({"floatingip": view(call, floating)}, 201)


async def _push(call: Call, floating: FloatingAddress) -> None:
    """Let its address lead where it should; what this machine does not allow is a conflict, and undone."""
    try:
        await call.cloud.dataplane.push_floating(floating)
    except DriverError as error:
        await call.cloud.driver.delete_floating_ip(floating.address)
        raise conflict(str(error), "Conflict") from None


def _associate(call: Call, floating: FloatingAddress, port_id: str, fixed: object) -> None:
    port = ports.get(call, port_id)
    addresses = {address: subnet for subnet, address in port.fixed_ips}
    if not addresses:
        raise bad_request(
            f"Bad floatingip request: Cannot add floating IP to port {port.id} that has no fixed IPv4 "
            "addresses.",
            "BadRequest",
        )
    address = str(fixed) if fixed else next(iter(addresses))
    if address not in addresses:
        raise bad_request(
            f"Bad floatingip request: Port {port.id} does not have fixed ip {address}.", "BadRequest"
        )
    for other in call.cloud.networking.floating.values():
        if other.port_id == port.id and other.fixed_address == address and other.id != floating.id:
            raise conflict(
                f"Cannot associate floating IP {floating.address} ({floating.id}) with port {port.id} using "
                f"fixed IP {address}, as that fixed IP already has a floating IP on external network "
                f"{floating.network_id}.",
                "FloatingIPPortAlreadyAssociated",
            )
    router = routers.of_subnet(call.cloud, addresses[address], floating.network_id)
    if router is None:
        raise not_found(
            f"External network {floating.network_id} is not reachable from subnet {addresses[address]}.  "
            f"Therefore, cannot associate Port {port.id} with a Floating IP.",
            "ExternalGatewayForFloatingIPNotFound",
        )
    floating.port_id, floating.fixed_address, floating.router_id = port.id, address, router.id


@routes.add("PUT", "/v2.0/floatingips/{id}")
async def update_floating(call: Call) -> Response:
    """Lead it to a port, or with `port_id: null` nowhere."""
    floating, given, cloud = get(call, call.params["id"]), entry(call, "floatingip"), call.cloud
    check_names(given, _ALLOWED)
    floating.description = string(given, "description", floating.description)
    if "port_id" in given:
        if given["port_id"]:
            await _move(call, floating, str(given["port_id"]), given.get("fixed_ip_address"))
        else:
            floating.port_id = floating.fixed_address = floating.router_id = None
            floating.broken = False
            await cloud.driver.delete_floating_ip(floating.address)
    floating.touch()
    return reply({"floatingip": view(call, floating)})


async def _move(call: Call, floating: FloatingAddress, port_id: str, fixed: object) -> None:
    """Lead it to another port, or leave it as it was."""
    before = floating.port_id, floating.fixed_address, floating.router_id
    _associate(call, floating, port_id, fixed)
    await call.cloud.driver.delete_floating_ip(floating.address)
    try:
        await _push(call, floating)
    except ApiError:
        floating.port_id, floating.fixed_address, floating.router_id = before
        with suppress(DriverError):
            await call.cloud.dataplane.push_floating(floating)
        raise


@routes.add("DELETE", "/v2.0/floatingips/{id}")
async def delete_floating(call: Call) -> Response:
    """Give the address back."""
    floating, cloud = get(call, call.params["id"]), call.cloud
    del cloud.networking.floating[floating.id]
    cloud.networking.remove_port(cloud.networking.ports[floating.own_port])
    await cloud.driver.delete_floating_ip(floating.address)
    return reply(status=204)
