"""The ports that Neutron gives routers with HA or DVR by itself. They belong to no project, so that
administrators alone see them, and no call takes them away but the one that ends what they are for.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.neutron import ports
from kb_tests.localcloud.neutron.state import (
    HA_PORT,
    INTERFACES,
    SNAT,
    Network,
    Port,
    Router,
    Subnet,
)

_MOST_AGENTS = 3
"""Neutron's max_l3_agents_per_router."""

_HA_CIDR = IPv4Network("169.254.192.0/18")


def add_ha(cloud: Cloud, router: Router) -> None:
    """A port on each of some hosts in the project's HA network, which is made with the first one."""
    if not router.ha:
        return
    project = router.project_id
    network = _ha_network(cloud, project) or _new_ha_network(cloud, project)
    for hypervisor in cloud.compute.hypervisors[:_MOST_AGENTS]:
        port = ports.create(cloud, network, "", device_id=router.id, device_owner=HA_PORT)
        port.name, port.host, port.active = f"HA port tenant {project}", hypervisor.host, True


def remove_ha(cloud: Cloud, router: Router) -> None:
    """Its HA ports; with the project's last ones the HA network goes."""
    networking = cloud.networking
    for port in networking.device_ports(router.id):
        if port.device_owner == HA_PORT:
            networking.remove_port(port)
    network = _ha_network(cloud, router.project_id)
    if network is None or networking.network_ports(network.id):
        return
    for subnet in networking.subnets_of(network.id):
        del networking.subnets[subnet.id]
    del networking.networks[network.id]
    networking.ports_of_network.pop(network.id, None)


def _ha_network(cloud: Cloud, project_id: str) -> Network | None:
    name = _name(project_id)
    return next((net for net in cloud.networking.networks.values() if net.name == name and net.ha), None)


def _name(project_id: str) -> str:
    return f"HA network tenant {project_id}"


def _new_ha_network(cloud: Cloud, project_id: str) -> Network:
    networking = cloud.networking
    network = Network(
        project_id="",
        name=_name(project_id),
        mtu=cloud.mtu,
        segmentation_id=networking.next_segment(),
        ha=True,
    )
    networking.networks[network.id] = network
    subnet = Subnet(
        project_id="",
        name=f"HA subnet tenant {project_id}",
        network_id=network.id,
        cidr=_HA_CIDR,
        gateway_ip=None,
        pools=[(_HA_CIDR.network_address + 1, _HA_CIDR.broadcast_address - 1)],
        enable_dhcp=False,
    )
    networking.subnets[subnet.id] = subnet
    return network


def follow_snat(cloud: Cloud, router: Router) -> None:
    """A distributed router with a gateway has a port for SNAT in each subnet that it has a leg in."""
    held = cloud.networking.device_ports(router.id)
    there = {port.fixed_ips[0][0]: port for port in held if port.device_owner == SNAT}
    wanted: dict[str, Port] = {}
    if router.distributed and router.gateway is not None:
        wanted = {port.fixed_ips[0][0]: port for port in held if port.device_owner in INTERFACES}
    for subnet_id, port in there.items():
        if subnet_id not in wanted:
            cloud.networking.remove_port(port)
    for subnet_id, leg in wanted.items():
        if subnet_id not in there:
            network = cloud.networking.networks[leg.network_id]
            asked = [{"subnet_id": subnet_id}]
            port = ports.create(cloud, network, "", fixed_ips=asked, device_id=router.id, device_owner=SNAT)
            port.active = True
