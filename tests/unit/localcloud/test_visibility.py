"""A project sees and changes only its own."""

from __future__ import annotations

from pathlib import Path

from tests.unit.localcloud.asgi import Client

N = "/networking/v2.0"
C = "/compute/v2.1"


async def everything(client: Client) -> dict[str, str]:
    """One of each kind in the caller's project: collection -> id."""
    net, subnet = await client.network()
    made = {f"{N}/networks": net, f"{N}/subnets": subnet}
    for kind, given in (("router", {}), ("port", {"network_id": net}), ("security_group", {"name": "g"})):
        path = f"{N}/{kind}s".replace("_", "-")
        made[path] = (await client.call("POST", path, {kind: given})).json[kind]["id"]
    public = next(each.id for each in client.cloud.networking.networks.values() if each.external)
    given = {"floating_network_id": public}
    floating = await client.call("POST", f"{N}/floatingips", {"floatingip": given})
    made[f"{N}/floatingips"] = floating.json["floatingip"]["id"]
    await client.boot(net)
    made[f"{C}/servers"] = next(iter(client.cloud.compute.servers))
    group = {"server_group": {"name": "g", "policies": ["affinity"]}}
    made[f"{C}/os-server-groups"] = (await client.call("POST", f"{C}/os-server-groups", group)).json[
        "server_group"
    ]["id"]
    made["/image/v2/images"] = (await client.call("POST", "/image/v2/images", {"name": "i"})).json["id"]
    volume = await client.call("POST", "/volume/v3/p/volumes", {"volume": {"size": 1}})
    made["/volume/v3/p/volumes"] = volume.json["volume"]["id"]
    return made


def test_another_projects_resources_are_neither_listed_nor_found_nor_deleted(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        admin = client.token
        client.token = owner = await client.tenant("owner")
        made = await everything(client)
        client.token = await client.tenant("stranger")
        for path, identifier in made.items():
            assert identifier not in (await client.call("GET", path)).raw.decode(), path
            assert (await client.call("GET", f"{path}/{identifier}")).status == 404, path
            assert (await client.call("DELETE", f"{path}/{identifier}")).status == 404, path
        assert (await client.call("GET", f"{C}/servers/detail?all_tenants=True")).status == 403
        for who in (owner, admin):
            for path, identifier in made.items():
                assert (await client.call("GET", f"{path}/{identifier}", token=who)).status == 200, path

    client.run(test())


def test_key_pairs_are_the_users_own(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        key = {"keypair": {"name": "k", "public_key": "ssh-rsa AAAA x"}}
        assert (await client.call("POST", f"{C}/os-keypairs", key)).status == 200
        stranger = await client.tenant("stranger")
        assert (await client.call("GET", f"{C}/os-keypairs", token=stranger)).json == {"keypairs": []}
        assert (await client.call("GET", f"{C}/os-keypairs/k", token=stranger)).status == 404
        assert (await client.call("POST", f"{C}/os-keypairs", key, token=stranger)).status == 200

    client.run(test())


def test_a_shared_network_is_used_but_not_changed_by_others(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        net, _ = await client.network()
        shared = {"network": {"shared": True}}
        assert (await client.call("PUT", f"{N}/networks/{net}", shared)).status == 200
        client.token = await client.tenant("guest")
        await client.boot(net)
        (server,) = client.cloud.compute.servers.values()
        assert server.status == "ACTIVE"
        refused = await client.call("DELETE", f"{N}/networks/{net}")
        assert (refused.status, refused.json["NeutronError"]["type"]) == (403, "PolicyNotAuthorized")
        assert (await client.call("PUT", f"{N}/networks/{net}", {"network": {"name": "mine"}})).status == 403
        assert (await client.call("POST", f"{N}/networks", shared)).status == 403

    client.run(test())
