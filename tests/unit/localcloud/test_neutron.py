"""Networks: addresses, defaults, quotas, and what the data plane is told of rules and floating IPs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kb_tests.localcloud.driver import Rule
from kb_tests.localcloud.neutron.state import Subnet
from kb_tests.localcloud.neutron.subnets import view
from tests.unit.localcloud.asgi import Client

N = "/networking/v2.0"


async def make(client: Client, kind: str, **given: Any) -> dict[str, Any]:
    answer = await client.call("POST", f"{N}/{kind}s".replace("_", "-"), {kind: given})
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.json[kind]
    return made


def subnet(cidr: str) -> Subnet:
    from ipaddress import IPv4Network

    network = IPv4Network(cidr)
    pool = (network.network_address + 2, network.broadcast_address - 1)
    return Subnet(
        project_id="p", network_id="n", cidr=network, gateway_ip=network.network_address + 1, pools=[pool]
    )


@given(st.lists(st.booleans(), max_size=60))
def test_no_address_is_given_twice(steps: list[bool]) -> None:
    """True takes an address, False gives the oldest back."""
    pool = subnet("10.0.0.0/28")
    held: list[str] = []
    for take in steps:
        if take:
            address = pool.allocate()
            assert (address is None) == (len(held) == 13)
            if address is not None:
                assert address not in held
                held.append(address)
        elif held:
            from ipaddress import IPv4Address

            pool.used.discard(int(IPv4Address(held.pop(0))))


def test_a_subnets_pool_leaves_out_its_gateway(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        _, low = await client.network("10.1.0.0/24")
        _, high = await client.network("10.2.0.0/24", gateway_ip="10.2.0.254")
        subnets = client.cloud.networking.subnets
        assert view(subnets[low])["allocation_pools"] == [{"start": "10.1.0.2", "end": "10.1.0.254"}]
        assert view(subnets[high])["allocation_pools"] == [{"start": "10.2.0.1", "end": "10.2.0.253"}]

    client.run(test())


def test_each_project_has_a_default_group_with_neutrons_rules(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        token = await client.tenant("t")
        (group,) = (await client.call("GET", f"{N}/security-groups", token=token)).json["security_groups"]
        assert group["name"] == "default"
        rules = {
            (rule["direction"], rule["ethertype"], rule["remote_group_id"])
            for rule in group["security_group_rules"]
        }
        assert rules == {
            (direction, ethertype, group["id"] if direction == "ingress" else None)
            for direction in ("ingress", "egress")
            for ethertype in ("IPv4", "IPv6")
        }
        refused = await client.call("DELETE", f"{N}/security-groups/{group['id']}", token=token)
        assert refused.json["NeutronError"]["type"] == "SecurityGroupCannotRemoveDefault"
        assert (await client.call("DELETE", f"{N}/security-groups/{group['id']}")).status == 204

    client.run(test())


def test_remote_groups_are_resolved_and_follow_their_members(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        group = await make(client, "security_group", name="g")
        await make(
            client,
            "security_group_rule",
            security_group_id=group["id"],
            direction="ingress",
            protocol="tcp",
            port_range_min=80,
            port_range_max=80,
            remote_group_id=group["id"],
        )
        await client.boot(net, "a", security_groups=[{"name": "g"}])
        first = next(iter(client.driver.rules))
        assert Rule("ingress", "tcp", 80, 80, ("10.1.0.3/32",)) in (client.driver.rules[first] or ())
        await client.boot(net, "b", count=2, security_groups=[{"name": "g"}])
        everybody = ("10.1.0.3/32", "10.1.0.4/32", "10.1.0.5/32")
        for port in client.driver.rules:
            assert Rule("ingress", "tcp", 80, 80, everybody) in (client.driver.rules[port] or ())
        last = max(client.cloud.compute.servers.values(), key=lambda server: server.name)
        await client.call("DELETE", f"/compute/v2.1/servers/{last.id}")
        await client.settle()
        assert Rule("ingress", "tcp", 80, 80, everybody[:2]) in (client.driver.rules[first] or ())

    client.run(test())


def test_a_port_without_port_security_lets_everything_through(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        await client.boot(net)
        (port,) = client.driver.rules
        assert client.driver.rules[port] is not None
        body = {"port": {"port_security_enabled": False, "security_groups": []}}
        assert (await client.call("PUT", f"{N}/ports/{port}", body)).status == 200
        await client.settle()
        assert client.driver.rules[port] is None

    client.run(test())


def test_a_floating_ip_goes_through_the_gateway_of_its_subnet(tmp_path: Path) -> None:
    """Of several routers that lead outside, as Neutron chooses; the gateways are what the driver is told."""
    client = Client(tmp_path)

    async def test() -> None:
        net, subnet_id = await client.network()
        public = next(each.id for each in client.cloud.networking.networks.values() if each.external)
        by_id = {}
        for fixed in ("10.1.0.9", "10.1.0.1", "10.1.0.10"):
            router = await make(client, "router", external_gateway_info={"network_id": public})
            fixed_ips = [{"subnet_id": subnet_id, "ip_address": fixed}]
            leg = await make(client, "port", network_id=net, fixed_ips=fixed_ips)
            path = f"{N}/routers/{router['id']}/add_router_interface"
            assert (await client.call("PUT", path, {"port_id": leg["id"]})).status == 200
            outer = router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
            assert client.driver.routers[router["id"]].gateway == outer
            by_id[router["id"]] = fixed
        port = await make(client, "port", network_id=net)
        floating = await make(client, "floatingip", floating_network_id=public, port_id=port["id"])
        assert by_id[floating["router_id"]] == "10.1.0.1"
        (unused,) = [router_id for router_id, fixed in by_id.items() if fixed == "10.1.0.10"]
        body = {"router": {"external_gateway_info": None}}
        assert (await client.call("PUT", f"{N}/routers/{unused}", body)).status == 200
        assert client.driver.routers[unused].gateway is None

    client.run(test())


def test_a_routers_interface_is_up_once_it_is_wired_and_a_distributed_one_with_the_first_server(
    tmp_path: Path,
) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        _, subnet_id = await client.network()
        for distributed in (False, True):
            router = await make(client, "router", distributed=distributed)
            path = f"{N}/routers/{router['id']}"
            leg = (await client.call("PUT", f"{path}/add_router_interface", {"subnet_id": subnet_id})).json
            shown = (await client.call("GET", f"{N}/ports/{leg['port_id']}")).json["port"]
            assert shown["status"] == ("DOWN" if distributed else "ACTIVE")
            if distributed:
                port = await make(client, "port", network_id=shown["network_id"], device_owner="compute:nova")
                client.cloud.networking.ports[port["id"]].active = True
                shown = (await client.call("GET", f"{N}/ports/{leg['port_id']}")).json["port"]
                assert shown["status"] == "ACTIVE"
            await client.call("PUT", f"{path}/remove_router_interface", {"subnet_id": subnet_id})

    client.run(test())


def test_a_floating_ip_opens_what_the_groups_let_in_from_outside(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, subnet_id = await client.network()
        public = next(each.id for each in client.cloud.networking.networks.values() if each.external)
        router = await make(client, "router", external_gateway_info={"network_id": public})
        await client.call("PUT", f"{N}/routers/{router['id']}/add_router_interface", {"subnet_id": subnet_id})
        (leg,) = client.driver.routers[router["id"]].legs
        assert (leg.address, leg.network_id) == ("10.1.0.1", net)
        group = await make(client, "security_group", name="g")
        ssh = await make(
            client,
            "security_group_rule",
            security_group_id=group["id"],
            direction="ingress",
            protocol="tcp",
            port_range_min=22,
            port_range_max=22,
            remote_ip_prefix="127.77.9.9/32",
        )
        await make(
            client,
            "security_group_rule",
            security_group_id=group["id"],
            direction="ingress",
            protocol="tcp",
            port_range_min=6379,
            port_range_max=6379,
            remote_ip_prefix="10.1.0.0/24",
        )
        port = await make(client, "port", network_id=net, security_groups=[group["id"]])
        floating = await make(client, "floatingip", floating_network_id=public, port_id=port["id"])
        address = floating["floating_ip_address"]
        assert client.driver.floating == {}, "there is no server yet"
        body = {"name": "s", "networks": [{"port": port["id"]}], **client.image_and_flavor()}
        await client.call("POST", "/compute/v2.1/servers", {"server": body})
        await client.settle()
        assert client.driver.floating[address].tcp_ports == ((22, 22),)
        await client.call("DELETE", f"{N}/security-group-rules/{ssh['id']}")
        await client.settle()
        assert client.driver.floating[address].tcp_ports == ()
        await client.call("PUT", f"{N}/floatingips/{floating['id']}", {"floatingip": {"port_id": None}})
        assert client.driver.floating == {}

    client.run(test())


def test_changes_are_pushed_once_not_once_each(tmp_path: Path) -> None:
    client = Client(tmp_path)
    pushes: list[str] = []

    async def test() -> None:
        net, _ = await client.network(cidr="10.1.0.0/16")
        original = client.driver.put_rules

        async def counted(port_id: str, rules: tuple[Rule, ...] | None, *, up: bool = True) -> None:
            pushes.append(port_id)
            await original(port_id, rules, up=up)

        client.driver.put_rules = counted  # type: ignore[method-assign]
        client.cloud.compute.quotas[next(iter(client.cloud.identity.projects))] = dict.fromkeys(
            ("instances", "cores", "ram"), -1
        )
        await client.boot(net, count=60)
        await asyncio.sleep(0)

    client.run(test())
    assert len(set(pushes)) == 60
    assert len(pushes) <= 120


def test_quotas_count_by_project(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        token = await client.tenant("t")
        project = client.cloud.identity.tokens[token].project_id
        assert (await client.call("PUT", f"{N}/quotas/{project}", {"quota": {"router": 1}})).status == 200
        create: Any = ("POST", f"{N}/routers", {"router": {}})
        assert (await client.call(*create, token=token)).status == 201
        second = await client.call(*create, token=token)
        assert second.json["NeutronError"] == {
            "type": "OverQuota", "message": "Quota exceeded for resources: ['router'].", "detail": "",
        }  # fmt: skip
        assert (await client.call(*create)).status == 201, "another project's"
        details = (await client.call("GET", f"{N}/quotas/{project}/details", token=token)).json["quota"][
            "router"
        ]
        assert details == {"limit": 1, "used": 1, "reserved": 0}
        forbidden = await client.call("PUT", f"{N}/quotas/{project}", {"quota": {"router": 9}}, token=token)
        assert forbidden.status == 403

    client.run(test())
