"""Servers: names, addresses, places, states, shapes, and what the driver is asked for."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

from kb_tests.localcloud.driver import DriverError, Power, ServerSpec
from kb_tests.localcloud.null import NullDriver
from tests.unit.localcloud.asgi import Client

C = "/compute/v2.1"
N = "/networking/v2.0"


async def listed(client: Client, version: str = "2.1", query: str = "") -> list[dict[str, Any]]:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    found: list[dict[str, Any]] = (
        await client.call("GET", f"{C}/servers/detail{query}", headers=headers)
    ).json["servers"]
    return found


def test_the_driver_gets_what_a_server_needs(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> ServerSpec:
        key = {"name": "k", "public_key": "ssh-rsa AAAA x"}
        assert (await client.call("POST", f"{C}/os-keypairs", {"keypair": key})).status == 200
        routes = [{"destination": "10.9.0.0/16", "nexthop": "10.1.0.9"}]
        net, _ = await client.network(host_routes=routes)
        await client.boot(
            net,
            "My_Server.x",
            key_name="k",
            metadata={"run": "1"},
            user_data=base64.b64encode(b"#!/bin/sh\n").decode(),
        )
        (spec,) = client.driver.servers.values()
        return spec

    spec = client.run(test())
    (nic,) = spec.nics
    assert (spec.name, spec.hostname, spec.user_data) == ("My_Server.x", "my-server-x", b"#!/bin/sh\n")
    assert (nic.prefix, nic.gateway, nic.routes, nic.mtu) == (
        24,
        "10.1.0.1",
        (("10.9.0.0/16", "10.1.0.9"),),
        1500,
    )
    assert spec.public_keys == ("ssh-rsa AAAA x",)
    assert spec.meta_data["meta"] == {"run": "1"}
    assert spec.meta_data["public_keys"] == {"k": "ssh-rsa AAAA x"}
    assert (spec.vcpus, spec.ram_mib, spec.hypervisor) == (1, 256, "kb-host-1")


def test_multi_create_names_and_spreads(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> list[dict[str, Any]]:
        net, _ = await client.network()
        await client.boot(net, "s", count=4)
        return await listed(client)

    servers = client.run(test())
    assert [server["name"] for server in servers] == ["s-4", "s-3", "s-2", "s-1"]
    assert {server["status"] for server in servers} == {"ACTIVE"}
    hosts = [server["OS-EXT-SRV-ATTR:host"] for server in servers]
    assert (hosts.count("kb-host-1"), hosts.count("kb-host-2")) == (2, 2)
    addresses = {server["addresses"]["n"][0]["addr"] for server in servers}
    assert len(addresses) == 4
    assert "10.1.0.2" not in addresses, "DHCP has it, as with Neutron"


def test_zones_hosts_and_groups_place_servers(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        await client.boot(net, "forced", count=2, availability_zone="nova:kb-host-2")
        made = await client.call(
            "POST", f"{C}/os-server-groups", {"server_group": {"name": "g", "policies": ["anti-affinity"]}}
        )
        hint = {"os:scheduler_hints": {"group": made.json["server_group"]["id"]}}
        for name in ("apart-1", "apart-2", "apart-3"):
            body = {
                "server": {"name": name, "networks": [{"uuid": net}], **client.image_and_flavor()},
                **hint,
            }
            assert (await client.call("POST", f"{C}/servers", body)).status == 202
            await client.settle()
        found = {server["name"]: server for server in await listed(client)}
        host = "OS-EXT-SRV-ATTR:host"
        assert {found["forced-1"][host], found["forced-2"][host]} == {"kb-host-2"}
        assert {found["apart-1"][host], found["apart-2"][host]} == {"kb-host-1", "kb-host-2"}
        assert found["apart-3"]["status"] == "ERROR"
        assert "No valid host was found" in found["apart-3"]["fault"]["message"]

    client.run(test())


def test_only_an_administrator_chooses_a_host(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        client.token = await client.tenant("t")
        net, _ = await client.network()
        body = {
            "name": "s",
            "networks": [{"uuid": net}],
            **client.image_and_flavor(),
            "availability_zone": "nova:kb-host-1",
        }
        answer = await client.call("POST", f"{C}/servers", {"server": body})
        assert (answer.status, list(answer.json)) == (403, ["forbidden"])

    client.run(test())


def test_shapes_follow_the_microversion(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        await client.boot(net)
        (old,), (new,) = await listed(client), await listed(client, "2.96")
        assert set(old["flavor"]) == {"id", "links"}
        assert new["flavor"]["original_name"] == "kb.tiny"
        added = {"locked", "description", "tags", "host_status", "locked_reason", "pinned_availability_zone",
                 "trusted_image_certificates"}  # fmt: skip
        assert added <= set(new)
        assert not added & set(old)

    client.run(test())


class RefusingDriver(NullDriver):
    async def boot(self, server: ServerSpec) -> None:
        if "bad" in server.name:
            raise DriverError("This machine has no room.")
        await super().boot(server)


def test_what_the_driver_refuses_is_an_error_with_its_words(tmp_path: Path) -> None:
    client = Client(tmp_path, RefusingDriver())

    async def test() -> None:
        net, _ = await client.network()
        await client.boot(net, "bad")
        await client.boot(net, "good")
        found = {server["name"]: server for server in await listed(client)}
        assert (found["good"]["status"], found["bad"]["status"]) == ("ACTIVE", "ERROR")
        assert found["bad"]["fault"]["message"] == "This machine has no room."
        assert (await client.call("DELETE", f"{C}/servers/{found['bad']['id']}")).status == 204
        await client.settle()
        assert [server["name"] for server in await listed(client)] == ["good"]

    client.run(test())


class SlowDriver(NullDriver):
    started: asyncio.Event
    go_on: asyncio.Event

    async def boot(self, server: ServerSpec) -> None:
        self.started.set()
        await self.go_on.wait()
        await super().boot(server)


def test_a_server_deleted_while_it_boots_is_gone_and_leaves_no_port(tmp_path: Path) -> None:
    driver = SlowDriver()
    client = Client(tmp_path, driver)

    async def test() -> None:
        driver.started, driver.go_on = asyncio.Event(), asyncio.Event()
        net, _ = await client.network()
        await client.boot(net)
        await driver.started.wait()
        (server,) = await listed(client)
        assert server["status"] == "BUILD"
        await client.call("DELETE", f"{C}/servers/{server['id']}")
        driver.go_on.set()
        await client.settle()
        assert await listed(client) == []
        assert driver.servers == {}
        ports = (await client.call("GET", f"{N}/ports?network_id={net}")).json["ports"]
        assert {port["device_owner"] for port in ports} == {"network:dhcp"}

    client.run(test())


def test_a_port_that_was_given_survives_its_server(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        made = await client.call("POST", f"{N}/ports", {"port": {"network_id": net}})
        port = made.json["port"]["id"]
        body = {"name": "s", "networks": [{"port": port}], **client.image_and_flavor()}
        server = (await client.call("POST", f"{C}/servers", {"server": body})).json["server"]["id"]
        await client.settle()
        shown = (await client.call("GET", f"{N}/ports/{port}")).json["port"]
        assert (shown["status"], shown["device_id"], shown["device_owner"]) == (
            "ACTIVE",
            server,
            "compute:nova",
        )
        again = await client.call("POST", f"{C}/servers", {"server": body})
        assert (again.status, again.json["conflictingRequest"]["message"]) == (
            409,
            f"Port {port} is still in use.",
        )
        await client.call("DELETE", f"{C}/servers/{server}")
        await client.settle()
        shown = (await client.call("GET", f"{N}/ports/{port}")).json["port"]
        assert (shown["status"], shown["device_id"]) == ("DOWN", "")

    client.run(test())


def test_stop_start_and_a_crash(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def state(server: str) -> tuple[str, int]:
        shown = (await client.call("GET", f"{C}/servers/{server}")).json["server"]
        return shown["status"], shown["OS-EXT-STS:power_state"]

    async def act(server: str, name: str) -> int:
        status = (await client.call("POST", f"{C}/servers/{server}/action", {name: None})).status
        await client.settle()
        return status

    async def test() -> None:
        from kb_tests.localcloud.nova.lifecycle import watch_power

        net, _ = await client.network()
        await client.boot(net)
        (server,) = client.cloud.compute.servers
        assert await act(server, "os-stop") == 202
        assert await state(server) == ("SHUTOFF", 4)
        assert await act(server, "os-stop") == 409
        assert await act(server, "os-start") == 202
        assert await state(server) == ("ACTIVE", 1)
        client.cloud.spawn(watch_power(client.cloud, every=0.0))
        client.driver.powers[server] = Power.CRASHED
        await client.settle()
        assert await state(server) == ("SHUTOFF", 6)

    client.run(test())


def test_user_data_may_have_65535_characters(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        longest = base64.b64encode(b"x" * 49149).decode()
        assert len(longest) == 65532
        await client.boot(net, user_data=longest)
        body = {"name": "s", "networks": [{"uuid": net}], **client.image_and_flavor()}
        more = base64.b64encode(b"x" * 49152).decode()
        answer = await client.call("POST", f"{C}/servers", {"server": body | {"user_data": more}})
        assert (answer.status, len(more)) == (400, 65536)

    client.run(test())


def test_a_server_deleted_before_its_boot_never_boots(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        fault = {"fault": {"kind": "boot-never"}}
        assert (await client.call("POST", "/admin/faults", fault)).status == 201
        net, _ = await client.network()
        await client.boot(net)
        (server,) = await listed(client)
        assert server["status"] == "BUILD"
        booted: list[str] = []

        async def boot(server: ServerSpec) -> None:
            booted.append(server.id)

        client.driver.boot = boot  # type: ignore[method-assign]
        assert (await client.call("DELETE", f"{C}/servers/{server['id']}")).status == 204
        await client.settle()
        assert (booted, await listed(client)) == ([], [])

    client.run(test())
