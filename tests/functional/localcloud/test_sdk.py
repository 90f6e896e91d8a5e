"""The job of a load test, by openstacksdk's proxies: everything that staging asks for."""

from __future__ import annotations

from typing import Any

import pytest
from openstack import exceptions

from kb_tests.localcloud.control import Running
from tests.functional.localcloud.conftest import Tenant
from tests.waiting import PATIENCE, eventually


def wait_active(connection: Any, count: int) -> list[Any]:
    def states() -> list[str]:
        return [server.status for server in connection.compute.servers()]

    eventually(lambda: states() == ["ACTIVE"] * count, what=states)
    return list(connection.compute.servers())


def wait_gone(connection: Any) -> None:
    eventually(lambda: not list(connection.compute.servers()))


def test_a_topology_is_staged_and_torn_down(admin: Any, tenant: Tenant, null_cloud: Running) -> None:
    cloud = tenant.connection
    admin.compute.update_quota_set(tenant.id, instances=20, cores=20, ram=-1)
    admin.network.update_quota(tenant.id, port=200, security_group=20)
    image = cloud.image.find_image("kb-node", ignore_missing=False)
    flavor = admin.compute.create_flavor(name="kb-topology", vcpus=1, ram=256, disk=0)
    cloud.compute.create_keypair(name="kb", public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 kb")
    external = next(cloud.network.networks(**{"router:external": True}))
    assert external.name == "public"

    clients = cloud.network.create_network(name="clients")
    client_subnet = cloud.network.create_subnet(
        network_id=clients.id,
        cidr="10.1.0.0/16",
        ip_version=4,
        name="clients",
        host_routes=[{"destination": "10.8.0.0/16", "nexthop": "10.1.0.9"}],
    )
    servers_net = cloud.network.create_network(name="servers")
    server_subnet = cloud.network.create_subnet(network_id=servers_net.id, cidr="10.8.0.0/20", ip_version=4)
    edge = cloud.network.create_router(name="edge", external_gateway_info={"network_id": external.id})
    cloud.network.add_interface_to_router(edge, subnet_id=client_subnet.id)
    inner = cloud.network.create_router(name="inner")
    cloud.network.add_interface_to_router(inner, subnet_id=server_subnet.id)
    leg = cloud.network.create_port(network_id=clients.id, fixed_ips=[{"ip_address": "10.1.0.9"}])
    cloud.network.add_interface_to_router(inner, port_id=leg.id)

    group = cloud.network.create_security_group(name="kb", description="run 1")
    cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp",
        port_range_min=22, port_range_max=22, remote_ip_prefix="0.0.0.0/0",
    )  # fmt: skip
    cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp",
        port_range_min=6379, port_range_max=6379, remote_group_id=group.id,
    )  # fmt: skip
    cloud.network.set_tags(group, ["kb", "run1"])
    proxy_port = cloud.network.create_port(
        network_id=clients.id, fixed_ips=[{"ip_address": "10.1.0.5"}], security_groups=[group.id]
    )

    proxy = cloud.compute.create_server(
        name="proxy", image_id=image.id, flavor_id=flavor.id, networks=[{"port": proxy_port.id}],
        key_name="kb", user_data="IyEvYmluL3NoCg==", tags=["kb"], metadata={"run": "1"},
    )  # fmt: skip
    cloud.compute.create_server(
        name="gen", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": clients.id}],
        security_groups=[{"name": "kb"}], min_count=3, max_count=3,
    )  # fmt: skip
    found = wait_active(cloud, 4)
    assert sorted(server.name for server in found) == ["gen-1", "gen-2", "gen-3", "proxy"]
    assert {server.compute_host for server in admin.compute.servers(all_projects=True)} >= {
        "kb-host-1",
        "kb-host-2",
    }
    floating = cloud.network.create_ip(floating_network_id=external.id, port_id=proxy_port.id)
    assert floating.floating_ip_address.startswith("127.77.")
    shown = cloud.compute.get_server(proxy.id).addresses["clients"]
    assert [each["addr"] for each in shown] == ["10.1.0.5", floating.floating_ip_address]

    with pytest.raises(exceptions.ConflictException, match="floating IPs"):
        cloud.network.remove_interface_from_router(edge, subnet_id=client_subnet.id)
    with pytest.raises(exceptions.ConflictException, match="in use"):
        cloud.network.delete_network(clients, ignore_missing=False)
    with pytest.raises(exceptions.ConflictException):
        cloud.network.delete_security_group(group, ignore_missing=False)

    cloud.network.delete_ip(floating)
    for server in found:
        cloud.compute.delete_server(server)
    wait_gone(cloud)
    cloud.network.delete_port(proxy_port)
    cloud.network.remove_interface_from_router(inner, port_id=leg.id)
    cloud.network.remove_interface_from_router(inner, subnet_id=server_subnet.id)
    cloud.network.remove_interface_from_router(edge, subnet_id=client_subnet.id)
    cloud.network.delete_router(edge)
    cloud.network.delete_router(inner)
    cloud.network.delete_security_group(group)
    cloud.network.delete_network(clients)
    cloud.network.delete_network(servers_net)
    cloud.compute.delete_keypair("kb")
    admin.compute.delete_flavor(flavor)
    assert list(cloud.network.networks(project_id=tenant.id)) == []
    assert list(admin.network.ports(project_id=tenant.id)) == []

    log = admin.session.get(f"{null_cloud.url}/admin/requests?method=POST&path=/servers").json()["requests"]
    assert len([entry for entry in log if entry["project_id"] == tenant.id]) == 2


def test_a_router_reaches_another_projects_network_as_admin(admin: Any, tenant: Tenant) -> None:
    network = tenant.connection.network.create_network(name="theirs")
    subnet = tenant.connection.network.create_subnet(network_id=network.id, cidr="10.3.0.0/24", ip_version=4)
    router = admin.network.create_router(name="mine")
    with pytest.raises(exceptions.NotFoundException):
        tenant.connection.network.get_router(router.id)
    leg = admin.network.create_port(network_id=network.id, fixed_ips=[{"ip_address": "10.3.0.9"}])
    admin.network.add_interface_to_router(router, port_id=leg.id)
    admin.network.remove_interface_from_router(router, port_id=leg.id)
    admin.network.delete_router(router)
    tenant.connection.network.delete_subnet(subnet)
    tenant.connection.network.delete_network(network)


def test_a_project_sees_only_its_own(admin: Any, tenant: Tenant) -> None:
    mine = admin.network.create_network(name="admins-own")
    cloud = tenant.connection
    assert "admins-own" not in [network.name for network in cloud.network.networks()]
    with pytest.raises(exceptions.NotFoundException):
        cloud.network.get_network(mine.id)
    with pytest.raises(exceptions.ForbiddenException):
        list(cloud.compute.hypervisors())
    with pytest.raises(exceptions.ForbiddenException):
        list(cloud.identity.projects())
    with pytest.raises(exceptions.ForbiddenException):
        cloud.compute.create_flavor(name="not-mine", vcpus=1, ram=1, disk=0)
    admin.network.delete_network(mine)


def test_quotas_are_enforced(admin: Any, tenant: Tenant) -> None:
    cloud = tenant.connection
    admin.network.update_quota(tenant.id, network=1)
    network = cloud.network.create_network(name="one")
    with pytest.raises(exceptions.ConflictException, match="Quota exceeded"):
        cloud.network.create_network(name="two")
    cloud.network.create_subnet(network_id=network.id, cidr="10.2.0.0/24", ip_version=4)
    admin.compute.update_quota_set(tenant.id, instances=2)
    image = cloud.image.find_image("kb-node")
    flavor = cloud.compute.find_flavor("kb.tiny")
    with pytest.raises(
        exceptions.ForbiddenException, match="Quota exceeded for instances: Requested 3, but already"
    ):
        cloud.compute.create_server(
            name="many", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}],
            min_count=3, max_count=3,
        )  # fmt: skip
    cloud.network.delete_network(network)


def test_a_volume_is_attached_and_detached(admin: Any, tenant: Tenant) -> None:
    cloud = tenant.connection
    network = cloud.network.create_network(name="v")
    cloud.network.create_subnet(network_id=network.id, cidr="10.4.0.0/24", ip_version=4)
    image, flavor = cloud.image.find_image("kb-node"), cloud.compute.find_flavor("kb.tiny")
    server = cloud.compute.create_server(
        name="v", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    wait_active(cloud, 1)
    volume = cloud.block_storage.create_volume(name="data", size=1, metadata={"run": "1"})
    cloud.block_storage.wait_for_status(volume, "available", interval=0.05, wait=PATIENCE)
    cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    attached = cloud.block_storage.wait_for_status(volume, "in-use", interval=0.05, wait=PATIENCE)
    assert [each["server_id"] for each in attached.attachments] == [server.id]
    assert [each.volume_id for each in cloud.compute.volume_attachments(server)] == [volume.id]
    with pytest.raises(exceptions.BadRequestException, match="must be available or error"):
        cloud.block_storage.delete_volume(volume)
    cloud.compute.delete_server(server)
    wait_gone(cloud)
    cloud.block_storage.wait_for_status(volume, "available", interval=0.05, wait=PATIENCE)
    cloud.block_storage.delete_volume(volume)
    cloud.block_storage.wait_for_delete(volume, interval=0.05, wait=PATIENCE)
    admin.block_storage.update_quota_set(tenant.id, volumes=0)
    with pytest.raises(exceptions.HttpException, match="VolumeLimitExceeded"):
        cloud.block_storage.create_volume(name="one too many", size=1)
    cloud.network.delete_network(network)
