"""Routers, their interfaces and gateways."""

from __future__ import annotations

from ipaddress import IPv4Address

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found, not_implemented
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.neutron import networks, ports, router_ports, subnets
from kb_tests.localcloud.neutron.common import (
    admin_only,
    check_names,
    check_quota,
    common_view,
    entry,
    find,
    listing,
    missing,
    project_of,
    routes,
    string,
)
from kb_tests.localcloud.neutron.state import GATEWAY, INTERFACES, Port, Router, Subnet

_ALLOWED = frozenset(
    {
        "name", "description", "admin_state_up", "external_gateway_info", "distributed", "ha", "flavor_id",
        "availability_zone_hints", "routes", "enable_ndp_proxy",
    }
)  # fmt: skip


def view(call: Call, router: Router) -> Json:
    """The router as its reader may see it."""
    gateway = None
    if router.gateway is not None:
        port = call.cloud.networking.ports[router.gateway]
        gateway = {
            "network_id": port.network_id,
            "external_fixed_ips": [{"subnet_id": subnet, "ip_address": ip} for subnet, ip in port.fixed_ips],
            "enable_snat": router.enable_snat,
        }
    shown = common_view(router) | {
        "admin_state_up": router.admin_state_up,
        "status": "ACTIVE",
        "external_gateway_info": gateway,
        "availability_zone_hints": [],
        "availability_zones": ["nova"],
        "routes": [{"destination": to, "nexthop": hop} for to, hop in router.routes],
        "flavor_id": None,
    }
    if call.caller.is_admin:
        shown |= {"distributed": router.distributed, "ha": router.ha}
    return shown


def get(call: Call, identifier: str) -> Router:
    """The router, if it is the caller's.

    Raises:
        ApiError: 404.

    """
    return find(call.cloud.networking.routers, "Router", identifier, call)


@routes.add("GET", "/v2.0/routers")
async def list_routers(call: Call) -> Response:
    """The caller's."""
    routers = [r for r in call.cloud.networking.routers.values() if call.caller.sees(r.project_id)]
    return listing(call, "routers", (view(call, router) for router in routers))


@routes.add("GET", "/v2.0/routers/{id}")
async def show_router(call: Call) -> Response:
    """One router."""
    return reply({"router": view(call, get(call, call.params["id"]))})


@routes.add("POST", "/v2.0/routers")
async def create_router(call: Call) -> Response:
    """A router, with a gateway if it is given one."""
    given = entry(call, "router")
    check_names(given, _ALLOWED)
    admin_only(call, given, "create_router", "distributed", "ha")
    project_id = project_of(call, given)
    check_quota(call, "router", project_id)
    default = call.cloud.settings.routers
    router = Router(
        project_id=project_id,
        ha=truth(given.get("ha"), default.ha),
        distributed=truth(given.get("distributed"), default.distributed),
        name=string(given, "name"),
        description=string(given, "description"),
        admin_state_up=truth(given.get("admin_state_up"), True),
    )
    call.cloud.networking.routers[router.id] = router
    try:
        router_ports.add_ha(call.cloud, router)
        if given.get("external_gateway_info"):
            _set_gateway(call, router, given["external_gateway_info"])
        await call.cloud.dataplane.push_router(router)
    except Exception:
        router_ports.remove_ha(call.cloud, router)
        for port in call.cloud.networking.device_ports(router.id):
            call.cloud.networking.remove_port(port)
        del call.cloud.networking.routers[router.id]
        raise
    return reply({"router": view(call, router)}, 201)


def _set_gateway(call: Call, router: Router, info: object) -> None:
    if not isinstance(info, dict) or not info.get("network_id"):
        raise bad_request(
            "Invalid input for external_gateway_info. Reason: network_id is required.", "HTTPBadRequest"
        )
    admin_only(call, info, "create_router:external_gateway_info", "external_fixed_ips")
    network = networks.get(call, str(info["network_id"]))
    if not network.external:
        raise bad_request(
            f"Bad router request: Network {network.id} is not an external network.", "BadRequest"
        )
    router.enable_snat = truth(info.get("enable_snat"), True)
    if router.gateway is not None:
        old = call.cloud.networking.ports[router.gateway]
        if old.network_id == network.id:
            return
        _check_gateway_unused(call.cloud, router)
        call.cloud.networking.remove_port(old)
    port = ports.create(
        call.cloud,
        network,
        "",
        fixed_ips=info.get("external_fixed_ips") or None,
        device_id=router.id,
        device_owner=GATEWAY,
    )
    port.active = True
    router.gateway = port.id
    router_ports.follow_snat(call.cloud, router)


def _clear_gateway(cloud: Cloud, router: Router) -> None:
    if router.gateway is None:
        return
    _check_gateway_unused(cloud, router)
    cloud.networking.remove_port(cloud.networking.ports[router.gateway])
    router.gateway = None
    router_ports.follow_snat(cloud, router)


def _check_gateway_unused(cloud: Cloud, router: Router) -> None:
    if any(floating.router_id == router.id for floating in cloud.networking.floating.values()):
        raise conflict(
            f"Gateway cannot be updated for router {router.id}, since a gateway to external network "
            f"{cloud.networking.ports[router.gateway or ''].network_id} is required by one or more "
            "floating IPs.",
            "RouterExternalGatewayInUseByFloatingIp",
        )


@routes.add("PUT", "/v2.0/routers/{id}")
async def update_router(call: Call) -> Response:
    """Name, gateway, static routes, and whether it is up."""
    router, given = get(call, call.params["id"]), entry(call, "router")
    check_names(given, _ALLOWED)
    admin_only(call, given, "update_router", "distributed", "ha")
    for name in ("distributed", "ha"):
        if name in given and truth(given[name]) != getattr(router, name):
            raise not_implemented(f"The local cloud does not change whether a router is {name}.")
    router.name = string(given, "name", router.name)
    router.description = string(given, "description", router.description)
    router.admin_state_up = truth(given.get("admin_state_up"), router.admin_state_up)
    if "external_gateway_info" in given:
        if given["external_gateway_info"]:
            _set_gateway(call, router, given["external_gateway_info"])
        else:
            _clear_gateway(call.cloud, router)
    if "routes" in given:
        router.routes = _static_routes(call, router, given["routes"] or [])
    if {"external_gateway_info", "routes", "admin_state_up"} & given.keys():
        await call.cloud.dataplane.push_router(router)
    router.touch()
    return reply({"router": view(call, router)})


def _static_routes(call: Call, router: Router, given: object) -> list[tuple[str, str]]:
    if not isinstance(given, list):
        raise bad_request("Invalid input for routes.", "HTTPBadRequest")
    if len(given) > 30:
        raise bad_request(
            f"Unable to complete operation for {router.id}. The number of routes exceeds the maximum 30.",
            "RoutesExhausted",
        )
    near = [
        call.cloud.networking.subnets[port.fixed_ips[0][0]].cidr
        for port in call.cloud.networking.device_ports(router.id)
        if port.fixed_ips
    ]
    chosen = []
    for each in given:
        if not isinstance(each, dict) or "destination" not in each or "nexthop" not in each:
            raise bad_request("Invalid input for routes. Reason: destination and nexthop.", "HTTPBadRequest")
        hop = subnets.address(each["nexthop"], "routes")
        if not any(hop in cidr for cidr in near):
            raise bad_request(
                f"Invalid format for routes: {given}, the nexthop is not connected with router",
                "InvalidRoutes",
            )
        chosen.append((str(each["destination"]), str(hop)))
    return chosen


@routes.add("DELETE", "/v2.0/routers/{id}")
async def delete_router(call: Call) -> Response:
    """A router without interfaces."""
    router, cloud = get(call, call.params["id"]), call.cloud
    held = cloud.networking.device_ports(router.id)
    legs = [port.id for port in held if port.device_owner in INTERFACES]
    if legs:
        raise conflict(f"Router {router.id} has ports still attached: {', '.join(legs)}", "RouterInUse")
    _clear_gateway(cloud, router)
    router_ports.remove_ha(cloud, router)
    del cloud.networking.routers[router.id]
    await cloud.driver.delete_router(router.id)
    return reply(status=204)


def _interface_view(router: Router, port: Port) -> Json:
    return {
        "id": router.id,
        "tenant_id": router.project_id,
        "project_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": port.fixed_ips[0][0],
        "subnet_ids": [subnet for subnet, _ in port.fixed_ips],
        "tags": list(router.tags),
    }


@routes.add("PUT", "/v2.0/routers/{id}/add_router_interface")
async def add_interface(call: Call) -> Response:
    """A leg in a subnet, at its gateway address; or by an existing port, at the port's address."""
    router, cloud = get(call, call.params["id"]), call.cloud
    port_id, subnet_id = call.body.get("port_id"), call.body.get("subnet_id")
    if bool(port_id) == bool(subnet_id):
        what = (
            "Cannot specify both subnet-id and port-id"
            if port_id
            else "Either subnet_id or port_id must be specified"
        )
        raise bad_request(f"Bad router request: {what}.", "BadRequest")
    if port_id:
        port = _leg_by_port(call, router, str(port_id))
    else:
        port = _leg_by_subnet(call, router, subnets.get(call, str(subnet_id)))
    router_ports.follow_snat(cloud, router)
    await cloud.dataplane.push_router(router)
    port.active = True
    return reply(_interface_view(router, port))


def _leg_by_port(call: Call, router: Router, port_id: str) -> Port:
    port = ports.get(call, port_id)
    if port.device_id:
        raise conflict(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}.",
            "PortInUse",
        )
    if not port.fixed_ips:
        raise bad_request("Bad router request: Router port must have at least one fixed IP.", "BadRequest")
    _check_leg(call.cloud, router, call.cloud.networking.subnets[port.fixed_ips[0][0]])
    call.cloud.dataplane.members_changed(*port.security_groups)
    call.cloud.networking.regroup(port, ())
    port.port_security = False
    call.cloud.networking.rebind(port, router.id, router.interface)
    return port


def _leg_by_subnet(call: Call, router: Router, subnet: Subnet) -> Port:
    cloud = call.cloud
    if subnet.gateway_ip is None:
        raise bad_request(
            "Bad router request: Subnet for router interface must have a gateway IP.", "BadRequest"
        )
    _check_leg(cloud, router, subnet)
    network = cloud.networking.networks[subnet.network_id]
    if int(IPv4Address(subnet.gateway_ip)) in subnet.used:
        raise conflict(
            f"IP address {subnet.gateway_ip} already allocated in subnet {subnet.id}",
            "IpAddressAlreadyAllocated",
        )
    return ports.create(
        cloud,
        network,
        router.project_id,
        fixed_ips=[{"subnet_id": subnet.id, "ip_address": str(subnet.gateway_ip)}],
        device_id=router.id,
        device_owner=router.interface,
    )


def _check_leg(cloud: Cloud, router: Router, subnet: Subnet) -> None:
    for port in cloud.networking.device_ports(router.id):
        if port.device_owner not in INTERFACES | {GATEWAY}:
            continue
        for other_id, _ in port.fixed_ips:
            other = cloud.networking.subnets[other_id]
            if other.id == subnet.id:
                raise bad_request(
                    f"Bad router request: Router already has a port on subnet {subnet.id}.", "BadRequest"
                )
            if other.cidr.overlaps(subnet.cidr):
                raise bad_request(
                    f"Bad router request: Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr "
                    f"{other.cidr} of subnet {other.id}.",
                    "BadRequest",
                )


@routes.add("PUT", "/v2.0/routers/{id}/remove_router_interface")
async def remove_interface(call: Call) -> Response:
    """Take a leg away, and its port with it."""
    router, cloud = get(call, call.params["id"]), call.cloud
    port = _leg(call, router)
    subnet_id = port.fixed_ips[0][0]
    for floating in cloud.networking.floating.values():
        leads_to = cloud.networking.ports.get(floating.port_id or "")
        if floating.router_id == router.id and leads_to and leads_to.fixed_ips[0][0] == subnet_id:
            raise conflict(
                f"Router interface for subnet {subnet_id} on router {router.id} cannot be deleted, as it is "
                "required by one or more floating IPs.",
                "RouterInterfaceInUseByFloatingIP",
            )
    shown = _interface_view(router, port)
    cloud.networking.remove_port(port)
    router_ports.follow_snat(cloud, router)
    await cloud.dataplane.push_router(router)
    return reply(shown)


def _leg(call: Call, router: Router) -> Port:
    port_id, subnet_id = call.body.get("port_id"), call.body.get("subnet_id")
    if not port_id and not subnet_id:
        raise bad_request("Bad router request: Either subnet_id or port_id must be specified.", "BadRequest")
    if subnet_id and subnet_id not in call.cloud.networking.subnets:
        raise missing("Subnet", str(subnet_id))
    for port in call.cloud.networking.device_ports(router.id):
        if port.device_owner not in INTERFACES:
            continue
        on_subnet = any(subnet == subnet_id for subnet, _ in port.fixed_ips)
        if (not port_id or port.id == port_id) and (not subnet_id or on_subnet):
            return port
    if port_id:
        raise not_found(
            f"Router {router.id} does not have an interface with id {port_id}", "RouterInterfaceNotFound"
        )
    raise not_found(
        f"Router {router.id} has no interface on subnet {subnet_id}", "RouterInterfaceNotFoundForSubnet"
    )


def of_subnet(cloud: Cloud, subnet_id: str, external_network_id: str) -> Router | None:
    """The router that leads from a subnet to an external network, for floating IPs: of several the one that
    is the subnet's gateway, else any.
    """
    gateway = str(cloud.networking.subnets[subnet_id].gateway_ip)
    found = None
    for router in cloud.networking.routers.values():
        if router.gateway is None or cloud.networking.ports[router.gateway].network_id != external_network_id:
            continue
        held = cloud.networking.device_ports(router.id)
        legs = (port for port in held if port.device_owner in INTERFACES)
        for subnet, address in (fixed for port in legs for fixed in port.fixed_ips):
            if subnet == subnet_id:
                if address == gateway:
                    return router
                found = found or router
    return found
