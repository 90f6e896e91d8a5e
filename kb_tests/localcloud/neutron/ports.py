"""Ports. `create` and `remove` serve Nova and the routers too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, objects, reply, truth
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.neutron import networks
from kb_tests.localcloud.neutron.common import (
    bulk,
    check_names,
    check_quota,
    common_view,
    denied,
    entry,
    find,
    listing,
    missing,
    own,
    project_of,
    routes,
    string,
)
from kb_tests.localcloud.neutron.groups import default_group
from kb_tests.localcloud.neutron.state import DVR_INTERFACE, OF_ROUTERS, Network, Port, Subnet, new_mac

_ALLOWED = frozenset(
    {
        "name", "description", "network_id", "admin_state_up", "mac_address", "fixed_ips", "device_id",
        "device_owner", "security_groups", "port_security_enabled", "allowed_address_pairs",
        "extra_dhcp_opts", "binding:vnic_type", "binding:host_id", "binding:profile", "qos_policy_id",
        "dns_name", "dns_domain", "propagate_uplink_status", "numa_affinity_policy",
    }
)  # fmt: skip

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.I)


def view(call: Call, port: Port) -> Json:
    """The port as its reader may see it."""
    shown = common_view(port) | {
        "network_id": port.network_id,
        "mac_address": port.mac_address,
        "admin_state_up": port.admin_state_up,
        "status": "ACTIVE" if _is_up(call, port) else "DOWN",
        "device_id": port.device_id,
        "device_owner": port.device_owner,
        "fixed_ips": [{"subnet_id": subnet, "ip_address": address} for subnet, address in port.fixed_ips],
        "allowed_address_pairs": port.allowed_address_pairs,
        "extra_dhcp_opts": port.extra_dhcp_opts,
        "security_groups": list(port.security_groups),
        "port_security_enabled": port.port_security,
        "binding:vnic_type": "normal",
        "dns_name": "",
        "dns_assignment": [],
    }
    if call.caller.is_admin:
        bound = bool(port.host)
        shown |= {
            "binding:host_id": port.host,
            "binding:vif_type": "bridge" if bound else "unbound",
            "binding:vif_details": {"port_filter": True} if bound else {},
            "binding:profile": {},
        }
    return shown


def _is_up(call: Call, port: Port) -> bool:
    """A distributed router's interface is up where a server of its network is: nowhere before the first."""
    if not (port.active and port.admin_state_up):
        return False
    if port.device_owner != DVR_INTERFACE:
        return True
    others = call.cloud.networking.network_ports(port.network_id)
    return any(other.active and other.device_owner.startswith("compute:") for other in others)


def get(call: Call, identifier: str) -> Port:
    """The port, if it or its network is the caller's.

    Raises:
        ApiError: 404.

    """
    return find(call.cloud.networking.ports, "Port", identifier, call, lambda port: _own_network(call, port))


def _own_network(call: Call, port: Port) -> bool:
    return call.cloud.networking.networks[port.network_id].project_id == call.caller.project_id


@routes.add("GET", "/v2.0/ports")
async def list_ports(call: Call) -> Response:
    """The caller's, and those on the caller's networks."""
    state, query = call.cloud.networking, call.query
    candidates: Iterable[Port] = state.ports.values()
    if len(query.getlist("device_id")) == 1:
        candidates = state.device_ports(query["device_id"])
    elif len(query.getlist("network_id")) == 1:
        candidates = state.network_ports(query["network_id"])
    seen = [port for port in candidates if call.caller.sees(port.project_id) or _own_network(call, port)]
    return listing(call, "ports", (view(call, port) for port in seen))


@routes.add("GET", "/v2.0/ports/{id}")
async def show_port(call: Call) -> Response:
    """One port."""
    return reply({"port": view(call, get(call, call.params["id"]))})


@routes.add("POST", "/v2.0/ports")
async def create_port(call: Call) -> Response:
    """One, or several at once."""
    several = bulk(call, "port")
    if several is not None:
        return reply({"ports": [view(call, _create_from(call, given)) for given in several]}, 201)
    return reply({"port": view(call, _create_from(call, entry(call, "port")))}, 201)


def _create_from(call: Call, given: Json) -> Port:
    check_names(given, _ALLOWED)
    network = networks.get(call, str(given.get("network_id", "")))
    if not call.caller.sees(network.project_id):
        if not network.shared:
            raise denied("create_port")
        if given.get("fixed_ips") or given.get("mac_address"):
            raise denied("create_port:fixed_ips")
    project_id = project_of(call, given)
    check_quota(call, "port", project_id)
    secure = truth(given.get("port_security_enabled"), network.port_security)
    pairs, options = objects(given, "allowed_address_pairs"), objects(given, "extra_dhcp_opts")
    name, description = string(given, "name"), string(given, "description")
    port = create(
        call.cloud,
        network,
        project_id,
        fixed_ips=_fixed_ips(given.get("fixed_ips")),
        groups=_groups(call, given, project_id, secure),
        mac=_mac(call, given, network),
        device_id=string(given, "device_id"),
        device_owner=string(given, "device_owner"),
    )
    port.name, port.description = name, description
    port.admin_state_up = truth(given.get("admin_state_up"), True)
    port.port_security = secure
    port.allowed_address_pairs, port.extra_dhcp_opts = pairs, options
    return port


def create(
    cloud: Cloud,
    network: Network,
    project_id: str,
    *,
    fixed_ips: list[Json] | None = None,
    groups: list[str] | None = None,
    mac: str | None = None,
    device_id: str = "",
    device_owner: str = "",
) -> Port:
    """A port with its addresses: those asked for, else one of the network's first subnet with room.

    Raises:
        ApiError: 400 or 409, an address that is outside, taken, or no address left.

    """
    pairs = _addresses(cloud, network, fixed_ips)
    port = Port(
        project_id=project_id,
        network_id=network.id,
        mac_address=mac or new_mac(),
        fixed_ips=pairs,
        security_groups=groups or [],
        device_id=device_id,
        device_owner=device_owner,
        port_security=bool(groups) or (network.port_security and not device_owner.startswith("network:")),
    )
    cloud.networking.add_port(port)
    if port.security_groups:
        cloud.dataplane.members_changed(*port.security_groups)
    return port


def _addresses(cloud: Cloud, network: Network, asked: list[Json] | None) -> list[tuple[str, str]]:
    subnets = cloud.networking.subnets_of(network.id)
    if asked is None:
        if not subnets:
            return []
        for subnet in subnets:
            if taken := subnet.allocate():
                return [(subnet.id, taken)]
        raise conflict(
            f"No more IP addresses available on network {network.id}.", "IpAddressGenerationFailure"
        )
    pairs: list[tuple[str, str]] = []
    try:
        for each in asked:
            pairs.append(_address(network, subnets, each))  # noqa: PERF401 - those before a failure are released
    except Exception:
        cloud.networking.release(pairs)
        raise
    return pairs


def _address(network: Network, subnets: list[Subnet], asked: Json) -> tuple[str, str]:
    wanted, subnet_id = asked.get("ip_address"), asked.get("subnet_id")
    if subnet_id is not None and all(subnet.id != subnet_id for subnet in subnets):
        raise missing("Subnet", str(subnet_id))
    if wanted is None:
        for subnet in subnets:
            if subnet_id in (None, subnet.id):
                taken = subnet.allocate()
                if taken:
                    return subnet.id, taken
        raise conflict(
            f"No more IP addresses available on network {network.id}.", "IpAddressGenerationFailure"
        )
    try:
        address = IPv4Address(str(wanted))
    except ValueError:
        raise bad_request(
            f"Invalid input for fixed_ips. Reason: '{wanted}' is not a valid IP address.", "HTTPBadRequest"
        ) from None
    for subnet in subnets:
        if subnet_id in (None, subnet.id) and address in subnet.cidr:
            if address in (subnet.cidr.network_address, subnet.cidr.broadcast_address):
                raise bad_request(
                    f"IP address {address} is not a valid IP for the specified subnet.", "InvalidIpForSubnet"
                )
            if int(address) in subnet.used:
                raise conflict(
                    f"IP address {address} already allocated in subnet {subnet.id}",
                    "IpAddressAlreadyAllocated",
                )
            subnet.used.add(int(address))
            return subnet.id, str(address)
    raise bad_request(
        f"IP address {address} is not a valid IP for any of the subnets on the specified network.",
        "InvalidIpForNetwork",
    )


def _fixed_ips(given: object) -> list[Json] | None:
    if given is None:
        return None
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise bad_request("Invalid input for fixed_ips.", "HTTPBadRequest")
    return given


def _groups(call: Call, given: Json, project_id: str, secure: bool) -> list[str]:
    asked = given.get("security_groups")
    if not secure:
        if asked:
            raise bad_request(
                "Port Security must be enabled in order to have allowed address pairs or security groups "
                "on a port.",
                "PortSecurityAndIPRequiredForSecurityGroups",
            )
        return []
    if asked is None:
        return [default_group(call.cloud, project_id).id]
    if not isinstance(asked, list):
        raise bad_request("Invalid input for security_groups.", "HTTPBadRequest")
    for group_id in asked:
        group = call.cloud.networking.groups.get(group_id)
        if group is None or not call.caller.sees(group.project_id):
            raise not_found(f"Security group {group_id} does not exist", "SecurityGroupNotFound")
    return list(dict.fromkeys(asked))


def _mac(call: Call, given: Json, network: Network) -> str | None:
    mac = given.get("mac_address")
    if mac is None:
        return None
    if not isinstance(mac, str) or not _MAC.fullmatch(mac):
        raise bad_request(
            f"Invalid input for mac_address. Reason: '{mac}' is not a valid MAC address.", "HTTPBadRequest"
        )
    if any(port.mac_address == mac.lower() for port in call.cloud.networking.network_ports(network.id)):
        raise conflict(
            f"Unable to complete operation for network {network.id}. The mac address {mac} is in use.",
            "MacAddressInUse",
        )
    return mac.lower()


@routes.add("PUT", "/v2.0/ports/{id}")
async def update_port(call: Call) -> Response:
    """Name, groups, port security, device, addresses."""
    port, given, cloud = get(call, call.params["id"]), entry(call, "port"), call.cloud
    own(call, port, "update_port")
    check_names(given, _ALLOWED)
    if "network_id" in given:
        raise bad_request("Cannot update read-only attribute network_id", "HTTPBadRequest")
    port.name = string(given, "name", port.name)
    port.description = string(given, "description", port.description)
    up = truth(given.get("admin_state_up"), port.admin_state_up)
    if up != port.admin_state_up:
        port.admin_state_up = up
        if port.device_id in cloud.networking.routers:
            await cloud.dataplane.push_router(cloud.networking.routers[port.device_id])
        else:
            cloud.dataplane.port_changed(port)
    secure = truth(given.get("port_security_enabled"), port.port_security)
    if "security_groups" in given or secure != port.port_security:
        chosen = given.get("security_groups", port.security_groups) if secure else []
        groups = _groups(call, {"security_groups": chosen}, port.project_id, secure)
        cloud.dataplane.members_changed(*port.security_groups)
        port.port_security = secure
        cloud.networking.regroup(port, groups)
        cloud.dataplane.port_changed(port)
    if "device_id" in given or "device_owner" in given:
        device = string(given, "device_id", port.device_id)
        cloud.networking.rebind(port, device, string(given, "device_owner", port.device_owner), port.host)
    if "fixed_ips" in given:
        _move(cloud, port, _fixed_ips(given["fixed_ips"]) or [])
    if "extra_dhcp_opts" in given:
        port.extra_dhcp_opts = objects(given, "extra_dhcp_opts")
    if "allowed_address_pairs" in given:
        port.allowed_address_pairs = objects(given, "allowed_address_pairs")
    port.touch()
    return reply({"port": view(call, port)})


def _move(cloud: Cloud, port: Port, asked: list[Json]) -> None:
    if port.device_id in cloud.dataplane.live:
        raise conflict(
            f"The local cloud does not change the addresses of port {port.id} while its server runs.",
            "PortInUse",
        )
    network = cloud.networking.networks[port.network_id]
    before, port.fixed_ips = port.fixed_ips, []
    cloud.networking.release(before)
    try:
        port.fixed_ips = _addresses(cloud, network, asked)
    except Exception:
        for subnet_id, address in before:
            cloud.networking.subnets[subnet_id].used.add(int(IPv4Address(address)))
        port.fixed_ips = before
        raise
    cloud.dataplane.members_changed(*port.security_groups)


@routes.add("DELETE", "/v2.0/ports/{id}")
async def delete_port(call: Call) -> Response:
    """A port that is no router's; a running server loses its interface with it."""
    port = get(call, call.params["id"])
    own(call, port, "delete_port")
    if port.device_owner in OF_ROUTERS:
        raise conflict(
            f"Port {port.id} cannot be deleted directly via the port API: has device owner "
            f"{port.device_owner}.",
            "ServicePortInUse",
        )
    if port.device_id in call.cloud.dataplane.live:
        await call.cloud.driver.detach_nic(port.device_id, port.id)
    await remove(call.cloud, port)
    return reply(status=204)


async def remove(cloud: Cloud, port: Port) -> None:
    """Forget the port; floating IPs that led to it lead nowhere."""
    for floating in list(cloud.networking.floating.values()):
        if floating.port_id == port.id:
            floating.port_id = floating.fixed_address = floating.router_id = None
            floating.touch()
            await cloud.driver.delete_floating_ip(floating.address)
    groups = list(port.security_groups)
    cloud.networking.remove_port(port)
    cloud.dataplane.pushed.pop(port.id, None)
    if groups:
        cloud.dataplane.members_changed(*groups)


def must_exist(cloud: Cloud, identifier: str) -> Port:
    """The port, whoever asks.

    Raises:
        ApiError: 404.

    """
    port = cloud.networking.ports.get(identifier)
    if port is None:
        raise missing("Port", identifier)
    return port
