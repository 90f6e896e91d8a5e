"""Which networks, ports and security groups a new server is plugged into."""

from __future__ import annotations

from kb_tests.localcloud.api.call import Call, Json, objects
from kb_tests.localcloud.api.errors import bad_request, conflict, forbidden
from kb_tests.localcloud.neutron.groups import default_group
from kb_tests.localcloud.neutron.networks import is_open
from kb_tests.localcloud.neutron.state import Network
from kb_tests.localcloud.nova.lifecycle import Wanted


def networks(call: Call, given: Json) -> list[Wanted]:
    """What is asked for in `networks`, or what Nova takes where nothing is; raises ApiError."""
    asked = given.get("networks")
    if asked is None and call.version >= (2, 37):
        raise bad_request("Invalid input for field/attribute server. 'networks' is a required property")
    if asked == "none":
        return []
    if asked in (None, "auto", []):
        return _default_network(call, chosen=asked == "auto")
    if not isinstance(asked, list):
        raise bad_request(f"Invalid input for field/attribute networks. Value: {asked}.")
    return [_one_network(call, each if isinstance(each, dict) else {}) for each in asked]


def _default_network(call: Call, *, chosen: bool) -> list[Wanted]:
    known = call.cloud.networking.networks.values()
    own = [n for n in known if n.project_id == call.caller.project_id and not n.external]
    usable = own or [n for n in known if n.shared and not n.external]
    if len(usable) > 1:
        raise conflict("Multiple possible networks found, use a Network ID to be more specific.")
    if not usable and chosen:
        raise bad_request("Unable to automatically allocate a network for the project.")
    return [Wanted(_bootable(call, network)) for network in usable]


def _one_network(call: Call, asked: Json) -> Wanted:
    networking = call.cloud.networking
    tag = asked.get("tag")
    if asked.get("port"):
        port = networking.ports.get(str(asked["port"]))
        if port is None or not call.caller.sees(port.project_id):
            raise bad_request(f"Port id {asked['port']} could not be found.")
        if port.device_id:
            raise conflict(f"Port {port.id} is still in use.")
        if not port.fixed_ips:
            raise bad_request(f"Port {port.id} requires a FixedIP in order to be used.")
        return Wanted(networking.networks[port.network_id], port=port, tag=tag)
    identifier = str(asked.get("uuid", ""))
    network = networking.networks.get(identifier)
    if network is None or not (call.caller.sees(network.project_id) or is_open(network)):
        raise bad_request(f"Network {identifier} could not be found.")
    address = asked.get("fixed_ip")
    if address is not None:
        _check_address(call, network, str(address))
    return Wanted(_bootable(call, network), address=None if address is None else str(address), tag=tag)


def _check_address(call: Call, network: Network, address: str) -> None:
    for port in call.cloud.networking.network_ports(network.id):
        if any(address == taken for _, taken in port.fixed_ips):
            raise bad_request(f"Fixed IP address {address} is already in use on instance {port.device_id}.")


def _bootable(call: Call, network: Network) -> Network:
    if network.external:
        raise forbidden(f"It is not allowed to create an interface on external network {network.id}")
    if not call.cloud.networking.subnets_of(network.id):
        raise bad_request(f"Network {network.id} requires a subnet in order to boot instances on.")
    return network


def groups(call: Call, given: Json, wanted: list[Wanted]) -> list[str]:
    """Ids of the security groups for the ports that Nova makes."""
    if all(each.port for each in wanted):
        return []
    known = call.cloud.networking.groups.values()
    chosen = []
    for each in objects(given, "security_groups") or [{"name": "default"}]:
        name = str(each.get("name", ""))
        if name == "default":
            chosen.append(default_group(call.cloud, call.caller.project_id).id)
            continue
        found = [g for g in known if name in (g.id, g.name) and g.project_id == call.caller.project_id]
        if not found:
            raise bad_request(f"Unable to find security_group with name or id '{name}'")
        if len(found) > 1:
            raise conflict(
                f"Multiple security groups found matching '{name}'. Use an ID to be more specific."
            )
        chosen.append(found[0].id)
    return chosen


def check_unique(wanted: list[Wanted], most: int) -> None:
    """Raise ApiError where `most` servers would share a port or an address."""
    if most == 1:
        return
    if any(each.port for each in wanted):
        raise bad_request(
            "Failed to launch instances: Unable to launch multiple instances with a single configured port "
            "ID. Please launch your instance one by one with different ports."
        )
    if any(each.address for each in wanted):
        raise bad_request(
            "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified."
        )
