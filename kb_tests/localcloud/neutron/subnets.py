"""Subnets: addresses, and what DHCP tells."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError, summarize_address_range

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import bad_request, conflict
from kb_tests.localcloud.neutron import networks
from kb_tests.localcloud.neutron.common import (
    bulk,
    check_names,
    check_quota,
    common_view,
    entry,
    find,
    invalid,
    listing,
    own,
    project_of,
    routes,
    string,
)
from kb_tests.localcloud.neutron.state import DHCP, Network, Port, Subnet, new_mac

_ALLOWED = frozenset(
    {
        "name", "description", "network_id", "ip_version", "cidr", "gateway_ip", "allocation_pools",
        "enable_dhcp", "host_routes", "dns_nameservers", "ipv6_ra_mode", "ipv6_address_mode",
        "subnetpool_id", "prefixlen", "service_types", "segment_id", "use_default_subnetpool",
    }
)  # fmt: skip

MOST_HOST_ROUTES = 20
MOST_NAMESERVERS = 5


def view(subnet: Subnet) -> Json:
    """The subnet's body."""
    return common_view(subnet) | {
        "network_id": subnet.network_id,
        "ip_version": 4,
        "subnetpool_id": None,
        "enable_dhcp": subnet.enable_dhcp,
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
        "gateway_ip": str(subnet.gateway_ip) if subnet.gateway_ip else None,
        "cidr": str(subnet.cidr),
        "allocation_pools": [{"start": str(first), "end": str(last)} for first, last in subnet.pools],
        "host_routes": [{"destination": to, "nexthop": hop} for to, hop in subnet.host_routes],
        "dns_nameservers": subnet.dns_nameservers,
        "service_types": [],
    }


def get(call: Call, identifier: str) -> Subnet:
    """The subnet, if the caller may see it: its owner, or everybody when its network is shared.

    Raises:
        ApiError: 404.

    """
    return find(
        call.cloud.networking.subnets, "Subnet", identifier, call, lambda subnet: _shared(call, subnet)
    )


def _shared(call: Call, subnet: Subnet) -> bool:
    return call.cloud.networking.networks[subnet.network_id].shared


@routes.add("GET", "/v2.0/subnets")
async def list_subnets(call: Call) -> Response:
    """The caller's, and those of shared networks."""
    subnets = call.cloud.networking.subnets.values()
    seen = [each for each in subnets if call.caller.sees(each.project_id) or _shared(call, each)]
    return listing(call, "subnets", (view(subnet) for subnet in seen))


@routes.add("GET", "/v2.0/subnets/{id}")
async def show_subnet(call: Call) -> Response:
    """One subnet."""
    return reply({"subnet": view(get(call, call.params["id"]))})


@routes.add("POST", "/v2.0/subnets")
async def create_subnet(call: Call) -> Response:
    """One, or several at once."""
    several = bulk(call, "subnet")
    if several is not None:
        return reply({"subnets": [view(create(call, given)) for given in several]}, 201)
    return reply({"subnet": view(create(call, entry(call, "subnet")))}, 201)


def create(call: Call, given: Json) -> Subnet:
    """Check, keep, and let DHCP take its address."""
    check_names(given, _ALLOWED)
    network = networks.get(call, str(given.get("network_id", "")))
    own(call, network, "create_subnet")
    if given.get("ip_version", 4) != 4:
        raise invalid("the local cloud has IPv4 subnets only")
    project_id = project_of(call, given)
    check_quota(call, "subnet", project_id)
    cidr = _cidr(given.get("cidr"))
    _check_overlap(call, network, cidr)
    subnet = Subnet(
        project_id=project_id,
        name=string(given, "name"),
        description=string(given, "description"),
        network_id=network.id,
        cidr=cidr,
        gateway_ip=_gateway(given, cidr),
        pools=[],
        enable_dhcp=truth(given.get("enable_dhcp"), True),
        host_routes=_host_routes(given.get("host_routes"), "new subnet"),
        dns_nameservers=_nameservers(given.get("dns_nameservers")),
    )
    subnet.pools = _pools(given.get("allocation_pools"), subnet)
    call.cloud.networking.subnets[subnet.id] = subnet
    if subnet.enable_dhcp and not network.external:
        _add_dhcp_port(call, network, subnet)
    return subnet


def _cidr(given: object) -> IPv4Network:
    try:
        return IPv4Network(str(given), strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise invalid(f"{given} is not in a CIDR format") from None


def _check_overlap(call: Call, network: Network, cidr: IPv4Network) -> None:
    for other in call.cloud.networking.subnets_of(network.id):
        if other.cidr.overlaps(cidr):
            raise invalid(
                f"Requested subnet with cidr: {cidr} for network: {network.id} overlaps with another subnet"
            )


def address(given: object, what: str) -> IPv4Address:
    """An IPv4 address.

    Raises:
        ApiError: 400.

    """
    try:
        return IPv4Address(str(given))
    except AddressValueError:
        raise bad_request(
            f"Invalid input for {what}. Reason: '{given}' is not a valid IP address.", "HTTPBadRequest"
        ) from None


def _gateway(given: Json, cidr: IPv4Network) -> IPv4Address | None:
    if "gateway_ip" in given and given["gateway_ip"] is None:
        return None
    if not given.get("gateway_ip"):
        return cidr.network_address + 1
    gateway = address(given["gateway_ip"], "gateway_ip")
    if gateway in (cidr.network_address, cidr.broadcast_address):
        raise invalid("Gateway is not valid on subnet")
    return gateway


def _pools(given: object, subnet: Subnet) -> list[tuple[IPv4Address, IPv4Address]]:
    if not given:
        first, last = subnet.cidr.network_address + 1, subnet.cidr.broadcast_address - 1
        gateway = subnet.gateway_ip
        if gateway is None or not first <= gateway <= last:
            return [(first, last)]
        return [pair for pair in ((first, gateway - 1), (gateway + 1, last)) if int(pair[0]) <= int(pair[1])]
    pools = []
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, dict):
            raise bad_request("Invalid input for allocation_pools.", "HTTPBadRequest")
        first, last = (
            address(each.get("start"), "allocation_pools"),
            address(each.get("end"), "allocation_pools"),
        )
        if first not in subnet.cidr or last not in subnet.cidr or first > last:
            raise bad_request(f"The allocation pool {first}-{last} is not valid.", "InvalidAllocationPool")
        if subnet.gateway_ip and first <= subnet.gateway_ip <= last:
            raise conflict(
                f"Gateway ip {subnet.gateway_ip} conflicts with allocation pool {first}-{last}.",
                "GatewayConflictWithAllocationPools",
            )
        pools.append((first, last))
    return pools


def _host_routes(given: object, subnet_id: str) -> list[tuple[str, str]]:
    if not given:
        return []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise bad_request("Invalid input for host_routes.", "HTTPBadRequest")
    if len(given) > MOST_HOST_ROUTES:
        raise bad_request(
            f"Unable to complete operation for {subnet_id}. The number of host routes exceeds the limit 20.",
            "HostRoutesExhausted",
        )
    return [
        (str(_cidr(each.get("destination"))), str(address(each.get("nexthop"), "host_routes")))
        for each in given
    ]


def _nameservers(given: object) -> list[str]:
    if not given:
        return []
    if not isinstance(given, list):
        raise bad_request("Invalid input for dns_nameservers.", "HTTPBadRequest")
    if len(given) > MOST_NAMESERVERS:
        raise bad_request("The number of DNS nameservers exceeds the limit 5.", "DNSNameServersExhausted")
    return [str(address(each, "dns_nameservers")) for each in given]


def _add_dhcp_port(call: Call, network: Network, subnet: Subnet) -> None:
    """As Neutron's DHCP agent does: one port a network, with an address in each of its subnets."""
    networking = call.cloud.networking
    taken = subnet.allocate()
    if taken is None:
        return
    for port in networking.network_ports(network.id):
        if port.device_owner == DHCP:
            port.fixed_ips.append((subnet.id, taken))
            return
    networking.add_port(
        Port(
            project_id=network.project_id,
            network_id=network.id,
            mac_address=new_mac(),
            fixed_ips=[(subnet.id, taken)],
            device_id=f"dhcp-{network.id}",
            device_owner=DHCP,
            port_security=False,
            active=True,
        )
    )


@routes.add("PUT", "/v2.0/subnets/{id}")
async def update_subnet(call: Call) -> Response:
    """Name, gateway, DHCP, host routes, name servers, pools."""
    subnet, given = get(call, call.params["id"]), entry(call, "subnet")
    own(call, subnet, "update_subnet")
    check_names(given, _ALLOWED)
    for fixed in ("cidr", "network_id", "ip_version"):
        if fixed in given:
            raise bad_request(f"Cannot update read-only attribute {fixed}", "HTTPBadRequest")
    subnet.name = string(given, "name", subnet.name)
    subnet.description = string(given, "description", subnet.description)
    subnet.enable_dhcp = truth(given.get("enable_dhcp"), subnet.enable_dhcp)
    if "gateway_ip" in given:
        subnet.gateway_ip = _gateway(given, subnet.cidr)
    if "host_routes" in given:
        subnet.host_routes = _host_routes(given["host_routes"], subnet.id)
    if "dns_nameservers" in given:
        subnet.dns_nameservers = _nameservers(given["dns_nameservers"])
    if "allocation_pools" in given:
        subnet.pools = _pools(given["allocation_pools"], subnet)
    subnet.touch()
    return reply({"subnet": view(subnet)})


@routes.add("DELETE", "/v2.0/subnets/{id}")
async def delete_subnet(call: Call) -> Response:
    """A subnet of which no port but DHCP's has an address."""
    subnet, networking = get(call, call.params["id"]), call.cloud.networking
    own(call, subnet, "delete_subnet")
    holders = [
        port
        for port in networking.network_ports(subnet.network_id)
        if any(subnet_id == subnet.id for subnet_id, _ in port.fixed_ips)
    ]
    if any(port.device_owner != DHCP for port in holders):
        raise conflict(
            f"Unable to complete operation on subnet {subnet.id}: One or more ports have an IP allocation "
            "from this subnet.",
            "SubnetInUse",
        )
    for port in holders:
        port.fixed_ips = [pair for pair in port.fixed_ips if pair[0] != subnet.id]
        if not port.fixed_ips:
            networking.remove_port(port)
    del networking.subnets[subnet.id]
    return reply(status=204)


def availability(subnet: Subnet) -> Json:
    """How many addresses of the pools are taken."""
    total = sum(
        block.num_addresses for first, last in subnet.pools for block in summarize_address_range(first, last)
    )
    return {
        "subnet_id": subnet.id,
        "subnet_name": subnet.name,
        "cidr": str(subnet.cidr),
        "ip_version": 4,
        "total_ips": total,
        "used_ips": len(subnet.used),
    }
