"""Quotas and default rules of current releases, by openstackclient's and openstacksdk's own calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kb_tests.localcloud.control import Running
from tests.functional.localcloud.conftest import Tenant


@pytest.fixture
def unified(choose: Callable[..., None]) -> None:
    choose(quota="unified")


def boot(tenant: Tenant, **given: Any) -> Any:
    compute, image = tenant.connection.compute, tenant.connection.image.find_image("kb-node")
    body = {
        "name": "limited",
        "imageRef": image.id,
        "flavorRef": compute.find_flavor("kb.tiny").id,
        "networks": "none",
        **given,
    }
    return compute.post("/servers", json={"server": body}, microversion="2.37")


def limits_of(admin: Any, project_id: str) -> dict[str, int]:
    return {
        limit.resource_name: limit.resource_limit for limit in admin.identity.limits(project_id=project_id)
    }


@pytest.mark.usefixtures("unified")
def test_a_change_of_novas_quotas_is_answered_with_keystones_limits(admin: Any, tenant: Tenant) -> None:
    answer = admin.compute.put(
        f"/os-quota-sets/{tenant.id}", json={"quota_set": {"instances": 77, "cores": 99}}
    )
    assert answer.status_code == 200
    assert {kind: answer.json()["quota_set"][kind] for kind in ("instances", "cores")} == {
        "instances": 10,
        "cores": 20,
    }
    assert admin.compute.get_quota_set(tenant.id).instances == 10
    refused = boot(tenant, min_count=11)
    assert refused.status_code == 403
    assert refused.json()["forbidden"]["message"] == (
        f"Project {tenant.id} is over a limit for [Resource servers is over limit of 10 due to current "
        "usage 0 and delta 11]"
    )


@pytest.mark.usefixtures("unified")
def test_a_limit_in_keystone_gives_room_and_goes_with_its_project(
    admin: Any, null_cloud: Running, tenant: Tenant
) -> None:
    registered = {each.resource_name: each for each in admin.identity.registered_limits()}
    for resource, most in (("servers", 12), ("class:VCPU", -1)):
        made = admin.identity.create_limit(
            project_id=tenant.id,
            service_id=registered[resource].service_id,
            region_id=registered[resource].region_id,
            resource_name=resource,
            resource_limit=most,
        )
        assert made.resource_limit == most
    assert limits_of(admin, tenant.id) == {"servers": 12, "class:VCPU": -1}
    assert limits_of(tenant.connection, tenant.id) == {"servers": 12, "class:VCPU": -1}
    shown = tenant.connection.compute.get_limits().absolute
    assert (shown.instances, shown.total_cores, shown.total_ram) == (12, -1, 51200)
    assert boot(tenant, min_count=11).status_code == 202
    assert boot(tenant, min_count=2).status_code == 403
    for server in tenant.connection.compute.servers():
        tenant.connection.compute.delete_server(server)
    refused = tenant.connection.identity.post(
        "/limits",
        json={"limits": [{"project_id": tenant.id, "resource_name": "servers", "resource_limit": 99}]},
    )
    assert refused.status_code == 403
    other = admin.identity.create_project(name="limited", domain_id="default")
    servers = registered["servers"]
    admin.identity.create_limit(
        project_id=other.id,
        service_id=servers.service_id,
        region_id=servers.region_id,
        resource_name="servers",
        resource_limit=1,
    )
    admin.identity.delete_project(other)
    assert limits_of(admin, other.id) == {}
    for limit in admin.identity.limits(project_id=tenant.id):
        admin.identity.delete_limit(limit)


def test_a_limit_needs_a_registered_one(admin: Any, tenant: Tenant) -> None:
    compute = next(each for each in admin.identity.services() if each.type == "compute")
    wanted = {
        "service_id": compute.id,
        "resource_name": "wings",
        "resource_limit": 2,
        "project_id": tenant.id,
    }
    refused = admin.identity.post("/limits", json={"limits": [wanted]})
    assert refused.status_code == 403
    assert "no corresponding registered limit" in refused.text
    registered = admin.identity.create_registered_limit(
        service_id=compute.id, resource_name="wings", default_limit=1
    )
    made = admin.identity.post("/limits", json={"limits": [wanted]})
    assert made.status_code == 201
    assert admin.identity.delete(f"/registered_limits/{registered.id}").status_code == 403
    admin.identity.delete_limit(made.json()["limits"][0]["id"])
    admin.identity.delete_registered_limit(registered)


def test_details_of_neutrons_quotas_may_be_missing(tenant: Tenant, choose: Callable[..., None]) -> None:
    network = tenant.connection.network
    assert network.get(f"/quotas/{tenant.id}/details").status_code == 200
    choose(quota_details="off")
    assert network.get(f"/quotas/{tenant.id}/details").status_code == 404
    assert network.get(f"/quotas/{tenant.id}").json()["quota"]["port"] == 500
    assert "quota_details" not in {each.alias for each in network.extensions()}


def meanings(rules: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((rule["direction"], rule["ethertype"], rule["port_range_min"] or 0) for rule in rules)


def test_every_new_group_gets_the_rules_of_the_templates(admin: Any, tenant: Tenant) -> None:
    network = tenant.connection.network
    before = list(admin.network.default_security_group_rules())
    assert len(before) == 4
    ssh = admin.network.create_default_security_group_rule(
        direction="ingress",
        protocol="tcp",
        port_range_min=22,
        port_range_max=22,
        remote_ip_prefix="0.0.0.0/0",
    )
    egress = [each for each in before if each.direction == "egress"]
    for each in egress:
        admin.network.delete_default_security_group_rule(each)
    try:
        group = network.create_security_group(name="templated")
        assert meanings(group.security_group_rules) == [("ingress", "IPv4", 22)]
        twice = network.post(
            "/security-group-rules",
            json={
                "security_group_rule": {
                    "security_group_id": group.id,
                    "direction": "ingress",
                    "protocol": "tcp",
                    "port_range_min": 22,
                    "port_range_max": 22,
                }
            },
        )
        assert twice.status_code == 409
        assert twice.json()["NeutronError"]["type"] == "SecurityGroupRuleExists"
        network.delete_security_group(group)
        body = {"default_security_group_rule": {"direction": "egress"}}
        assert network.post("/default-security-group-rules", json=body).status_code == 403
        assert len(list(network.default_security_group_rules())) == 3, "everybody sees them"
    finally:
        admin.network.delete_default_security_group_rule(ssh)
        for each in egress:
            admin.network.create_default_security_group_rule(
                direction="egress", ethertype=each.ether_type, used_in_default_sg=True
            )
    plain = network.create_security_group(name="plain")
    assert meanings(plain.security_group_rules) == [("egress", "IPv4", 0), ("egress", "IPv6", 0)]
    network.delete_security_group(plain)
