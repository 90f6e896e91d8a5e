"""A server in the shape of each microversion."""

from __future__ import annotations

from kb_tests.localcloud.api.call import Call, Json
from kb_tests.localcloud.nova.common import links
from kb_tests.localcloud.nova.state import Flavor, Server
from kb_tests.localcloud.times import micros, seconds

FloatingByPort = dict[str, list[tuple[str, str]]]
"""Port id -> [(fixed address, floating address)]."""

_WITH_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})


def floating_by_port(call: Call) -> FloatingByPort:
    """Made once for a list of servers."""
    found: FloatingByPort = {}
    for floating in call.cloud.networking.floating.values():
        if floating.port_id and floating.fixed_address:
            found.setdefault(floating.port_id, []).append((floating.fixed_address, floating.address))
    return found


def addresses(call: Call, server: Server, floating: FloatingByPort) -> Json:
    """Addresses by the network's name."""
    networking = call.cloud.networking
    found: Json = {}
    for port_id in server.ports:
        port = networking.ports.get(port_id)
        if port is None:
            continue
        entries = found.setdefault(networking.networks[port.network_id].name, [])
        for _, address in port.fixed_ips:
            pairs = [(address, "fixed")]
            pairs += [(outer, "floating") for fixed, outer in floating.get(port.id, ()) if fixed == address]
            entries += [
                {
                    "addr": shown,
                    "version": 4,
                    "OS-EXT-IPS:type": kind,
                    "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
                }
                for shown, kind in pairs
            ]
    return found


def summary(call: Call, server: Server) -> Json:
    """As in the short list."""
    return {"id": server.id, "name": server.name, "links": links(call, f"servers/{server.id}")}


def detail(call: Call, server: Server, floating: FloatingByPort, *, single: bool = False) -> Json:
    """All that the caller may see; `single` is for GET of one server."""
    version = call.version
    shown = summary(call, server) | {
        "status": server.status,
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": dict(server.metadata),
        "hostId": server.host_id,
        "image": {"id": server.image_id, "links": links(call, f"images/{server.image_id}")[1:]},
        "flavor": _flavor(call, server.flavor),
        "created": seconds(server.created),
        "updated": seconds(server.updated),
        "addresses": addresses(call, server, floating),
        "accessIPv4": server.access_ipv4,
        "accessIPv6": server.access_ipv6,
        "OS-DCF:diskConfig": server.disk_config,
        "config_drive": "True" if server.config_drive else "",
        "OS-EXT-AZ:availability_zone": call.cloud.compute.zone_of(server.host) if server.host else "",
        "key_name": server.key_name,
        "OS-SRV-USG:launched_at": micros(server.launched) if server.launched else None,
        "OS-SRV-USG:terminated_at": None,
        "OS-EXT-STS:task_state": server.task_state,
        "OS-EXT-STS:vm_state": server.vm_state,
        "OS-EXT-STS:power_state": server.power_state,
        "os-extended-volumes:volumes_attached": _volumes(server, version >= (2, 3)),
    }
    if server.status in _WITH_PROGRESS:
        shown["progress"] = 100 if server.status == "ACTIVE" else 0
    if server.fault is not None and server.vm_state == "error":
        shown["fault"] = {
            "code": server.fault.code,
            "created": seconds(server.fault.created),
            "message": server.fault.message,
        }
    if names := group_names(call, server):
        shown["security_groups"] = [{"name": name} for name in names]
    _by_version(call, server, shown, single=single)
    return shown


def _by_version(call: Call, server: Server, shown: Json, *, single: bool) -> None:
    version, prefix = call.version, "OS-EXT-SRV-ATTR:"
    if call.caller.is_admin:
        shown |= {
            f"{prefix}host": server.host,
            f"{prefix}hypervisor_hostname": server.host,
            f"{prefix}instance_name": f"instance-{server.id[:8]}",
        }
        if version >= (2, 3):
            shown |= {
                f"{prefix}reservation_id": server.reservation_id,
                f"{prefix}launch_index": server.launch_index,
                f"{prefix}hostname": server.hostname,
                f"{prefix}kernel_id": "",
                f"{prefix}ramdisk_id": "",
                f"{prefix}root_device_name": "/dev/vda",
                f"{prefix}user_data": server.user_data,
            }
        if version >= (2, 16):
            shown["host_status"] = "UP" if server.host else ""
    if version >= (2, 9):
        shown["locked"] = server.locked
    if version >= (2, 19):
        shown["description"] = server.description
    if version >= (2, 26):
        shown["tags"] = list(server.tags)
    if version >= (2, 63):
        shown["trusted_image_certificates"] = None
    if version >= (2, 71) and single:
        shown["server_groups"] = [server.group_id] if server.group_id else []
    if version >= (2, 73):
        shown["locked_reason"] = server.locked_reason
    if version >= (2, 90):
        shown[f"{prefix}hostname"] = server.hostname
    if version >= (2, 96):
        shown["pinned_availability_zone"] = server.zone


def _flavor(call: Call, flavor: Flavor) -> Json:
    if call.version < (2, 47):
        return {"id": flavor.id, "links": links(call, f"flavors/{flavor.id}")[1:]}
    return {
        "original_name": flavor.name,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "ephemeral": flavor.ephemeral,
        "swap": flavor.swap,
        "extra_specs": dict(flavor.extra_specs),
    }


def _volumes(server: Server, with_flag: bool) -> list[Json]:
    return [
        {"id": each.volume_id} | ({"delete_on_termination": each.delete_on_termination} if with_flag else {})
        for each in server.attachments.values()
    ]


def group_names(call: Call, server: Server) -> list[str]:
    """The names of the security groups of its ports."""
    networking = call.cloud.networking
    ids = {
        group
        for port in server.ports
        if port in networking.ports
        for group in networking.ports[port].security_groups
    }
    return sorted(networking.groups[group].name for group in ids if group in networking.groups)
