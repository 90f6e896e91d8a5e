"""Interfaces of servers: os-interface, ips, os-security-groups."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.neutron import ports
from kb_tests.localcloud.neutron.groups import default_group, group_view
from kb_tests.localcloud.neutron.state import Port
from kb_tests.localcloud.nova.common import get_server, routes
from kb_tests.localcloud.nova.state import Server
from kb_tests.localcloud.nova.views import addresses, floating_by_port


def _view(call: Call, server: Server, port: Port) -> Json:
    shown: Json = {
        "port_id": port.id,
        "net_id": port.network_id,
        "mac_addr": port.mac_address,
        "port_state": "ACTIVE" if port.active else "DOWN",
        "fixed_ips": [{"subnet_id": subnet, "ip_address": address} for subnet, address in port.fixed_ips],
    }
    if call.version >= (2, 70):
        shown["tag"] = server.port_tags.get(port.id)
    return shown


@routes.add("GET", "/v2.1/servers/{id}/os-interface")
async def list_interfaces(call: Call) -> Response:
    """The server's ports."""
    server = get_server(call)
    found = call.cloud.networking.device_ports(server.id)
    return reply({"interfaceAttachments": [_view(call, server, port) for port in found]})


def _port(call: Call, server: Server) -> Port:
    port = call.cloud.networking.ports.get(call.params["port"])
    if port is None or port.device_id != server.id:
        raise not_found(f"Instance {server.id} does not have a port with id {call.params['port']}")
    return port


@routes.add("GET", "/v2.1/servers/{id}/os-interface/{port}")
async def show_interface(call: Call) -> Response:
    """One of them."""
    server = get_server(call)
    return reply({"interfaceAttachment": _view(call, server, _port(call, server))})


@routes.add("POST", "/v2.1/servers/{id}/os-interface")
async def attach_interface(call: Call) -> Response:
    """A port more: an existing one, or a new one on a network."""
    server, cloud = get_server(call), call.cloud
    given = call.object("interfaceAttachment")
    if server.vm_state not in ("active", "stopped") or server.task_state is not None:
        raise conflict(
            f"Cannot 'attach_interface' instance {server.id} while it is in vm_state {server.vm_state}"
        )
    if given.get("net_id") and given.get("port_id"):
        raise bad_request("Must not input both net_id and port_id")
    made = not given.get("port_id")
    if made:
        port = _new_port(call, server, given)
    else:
        port = ports.get(call, str(given["port_id"]))
        if port.device_id:
            raise bad_request(f"Port {port.id} is still in use.")
    cloud.networking.rebind(port, server.id, "compute:nova", server.host or "")
    server.ports[port.id] = made
    if server.id in cloud.dataplane.live and server.vm_state == "active":
        await cloud.dataplane.before_boot([port])
        await cloud.driver.attach_nic(server.id, cloud.dataplane.nic(port))
        port.active = True
        await cloud.dataplane.push_floating_of(port)
    return reply({"interfaceAttachment": _view(call, server, port)})


def _new_port(call: Call, server: Server, given: Json) -> Port:
    cloud = call.cloud
    network_id = given.get("net_id")
    if not network_id:
        own = [n for n in cloud.networking.networks.values() if n.project_id == server.project_id]
        if len(own) != 1:
            raise bad_request("Multiple possible networks found, use a Network ID to be more specific.")
        network_id = own[0].id
    network = cloud.networking.networks.get(str(network_id))
    if network is None or network.external or not (call.caller.sees(network.project_id) or network.shared):
        raise bad_request(f"Network {network_id} could not be found.")
    fixed = [
        {"ip_address": each["ip_address"]} for each in given.get("fixed_ips") or [] if "ip_address" in each
    ]
    groups = [default_group(cloud, server.project_id).id] if network.port_security else []
    return ports.create(cloud, network, server.project_id, fixed_ips=fixed or None, groups=groups)


@routes.add("DELETE", "/v2.1/servers/{id}/os-interface/{port}")
async def detach_interface(call: Call) -> Response:
    """A port less; one that Nova made is deleted."""
    server = get_server(call)
    port = _port(call, server)
    if server.id in call.cloud.dataplane.live:
        await call.cloud.driver.detach_nic(server.id, port.id)
    if server.ports.pop(port.id, False):
        await ports.remove(call.cloud, port)
    else:
        call.cloud.networking.rebind(port, "", "")
    return reply(status=202)


@routes.add("GET", "/v2.1/servers/{id}/ips")
async def list_ips(call: Call) -> Response:
    """Addresses by network."""
    found = addresses(call, get_server(call), floating_by_port(call))
    short = {
        network: [{"addr": each["addr"], "version": each["version"]} for each in entries]
        for network, entries in found.items()
    }
    return reply({"addresses": short})


@routes.add("GET", "/v2.1/servers/{id}/ips/{network}")
async def list_ips_of_network(call: Call) -> Response:
    """Addresses in one network."""
    found = addresses(call, get_server(call), floating_by_port(call))
    name = call.params["network"]
    if name not in found:
        raise not_found("Instance is not a member of specified network")
    return reply({name: [{"addr": each["addr"], "version": each["version"]} for each in found[name]]})


@routes.add("GET", "/v2.1/servers/{id}/os-security-groups")
async def list_server_groups(call: Call) -> Response:
    """The security groups of its ports."""
    server, networking = get_server(call), call.cloud.networking
    ids = {group for port in networking.device_ports(server.id) for group in port.security_groups}
    views = []
    for group_id in sorted(ids):
        shown = group_view(networking.groups[group_id])
        views.append(
            {name: shown[name] for name in ("id", "name", "description", "tenant_id")} | {"rules": []}
        )
    return reply({"security_groups": views})
