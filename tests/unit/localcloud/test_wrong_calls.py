"""Wrong calls are answered as OpenStack Zed answered them: status, kind of body, and words.

The expected answers were taken from nova 26.2, neutron 21.0, glance 25.1, cinder 21.3 and keystone 22.0;
`{...}` stands for what differs by cloud.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.localcloud.asgi import Answer, Client

UNKNOWN = "00000000-0000-4000-8000-000000000000"

N = "/networking/v2.0"
C = "/compute/v2.1"


@dataclass(frozen=True)
class Wrong:
    """`body` and `path` may name {net}, {subnet}, {router}, {group}, {port}, {public}, {image}, {flavor}."""

    method: str
    path: str
    body: Any
    status: int
    words: str
    kind: str = ""
    version: str = ""


def server(**more: Any) -> dict[str, Any]:
    given = {"name": "s", "imageRef": "{image}", "flavorRef": "{flavor}", "networks": [{"uuid": "{net}"}]}
    return {"server": given | more}


def rule(**more: Any) -> dict[str, Any]:
    return {"security_group_rule": {"security_group_id": "{group}", "direction": "ingress", **more}}


WRONG = [
    Wrong(
        "GET", f"{C}/servers/{UNKNOWN}", None, 404, f"Instance {UNKNOWN} could not be found.", "itemNotFound"
    ),
    Wrong(
        "POST", f"{C}/servers", server(imageRef=UNKNOWN), 400, "Can not find requested image", "badRequest"
    ),
    Wrong(
        "POST", f"{C}/servers", server(flavorRef="nope"), 400, "Flavor nope could not be found.", "badRequest"
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(networks=[{"uuid": UNKNOWN}]),
        400,
        f"Network {UNKNOWN} could not be found.",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(networks=[{"port": UNKNOWN}]),
        400,
        f"Port id {UNKNOWN} could not be found.",
        "badRequest",
    ),
    Wrong("POST", f"{C}/servers", server(key_name="nope"), 400, "Invalid key_name provided.", "badRequest"),
    Wrong(
        "POST",
        f"{C}/servers",
        server(security_groups=[{"name": "nope"}]),
        400,
        "Unable to find security_group with name or id 'nope'",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(availability_zone="nope"),
        400,
        "The requested availability zone is not available",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(user_data="A" * 65536),
        400,
        "{...}user_data{...}too long",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(min_count=3, max_count=2),
        400,
        "min_count must be <= max_count",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(networks=[{"port": "{port}"}], min_count=2),
        400,
        "Failed to launch instances: Unable to launch multiple instances with a single configured port ID. "
        "Please launch your instance one by one with different ports.",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(min_count=1000),
        403,
        "Quota exceeded for cores, instances, ram: Requested 1000, 1000, {...}, but already used 0, 0, 0 of "
        "20, 10, 51200 cores, instances, ram",
        "forbidden",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        {"server": {"name": "s", "imageRef": "{image}", "flavorRef": "{flavor}"}},
        400,
        "{...}'networks' is a required property",
        "badRequest",
        "compute 2.37",
    ),
    Wrong(
        "POST",
        f"{C}/servers",
        server(networks=[{"uuid": "{net}", "fixed_ip": "10.1.0.50"}]),
        400,
        "Fixed IP address 10.1.0.50 is already in use on instance .",
        "badRequest",
    ),
    Wrong("GET", f"{C}/servers?marker={UNKNOWN}", None, 400, f"marker [{UNKNOWN}] not found", "badRequest"),
    Wrong(
        "GET",
        f"{C}/servers",
        None,
        406,
        "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.96.",
        "computeFault",
        "compute 2.999",
    ),
    Wrong(
        "POST",
        f"{C}/flavors",
        {"flavor": {"name": "kb.tiny", "vcpus": 1, "ram": 1, "disk": 1}},
        409,
        "Flavor with name kb.tiny already exists.",
        "conflictingRequest",
    ),
    Wrong(
        "POST",
        f"{C}/flavors",
        {"flavor": {"name": "f", "vcpus": 0, "ram": 1, "disk": 1}},
        400,
        "Invalid input for field/attribute vcpus. Value: 0. 0 is less than the minimum of 1",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/os-keypairs",
        {"keypair": {"name": "k", "public_key": "x"}},
        400,
        "Keypair data is invalid: failed to generate fingerprint",
        "badRequest",
    ),
    Wrong(
        "POST",
        f"{C}/servers/{UNKNOWN}/action",
        {"foo": None},
        400,
        "There is no such action: foo",
        "badRequest",
    ),
    Wrong(
        "GET",
        f"{N}/networks/{UNKNOWN}",
        None,
        404,
        f"Network {UNKNOWN} could not be found.",
        "NetworkNotFound",
    ),
    Wrong(
        "POST",
        f"{N}/networks",
        {"network": {"nope": 1}},
        400,
        "Unrecognized attribute(s) 'nope'",
        "HTTPBadRequest",
    ),
    Wrong("POST", f"{N}/networks", {}, 400, "Unable to find 'network' in request body", "HTTPBadRequest"),
    Wrong(
        "DELETE",
        f"{N}/networks/{{net}}",
        None,
        409,
        "Unable to complete operation on network {...}. There are one or more ports still in use on the "
        "network, id for these ports is: {...}.",
        "NetworkInUse",
    ),
    Wrong(
        "DELETE",
        f"{N}/subnets/{{subnet}}",
        None,
        409,
        "Unable to complete operation on subnet {...}: One or more ports have an IP allocation from this "
        "subnet.",
        "SubnetInUse",
    ),
    Wrong(
        "POST",
        f"{N}/subnets",
        {"subnet": {"network_id": "{net}", "cidr": "10.1.0.0/25", "ip_version": 4}},
        400,
        "Invalid input for operation: Requested subnet with cidr: 10.1.0.0/25 for network: {...} "
        "overlaps with another subnet.",
        "InvalidInput",
    ),
    Wrong(
        "POST",
        f"{N}/subnets",
        {"subnet": {"network_id": "{net}", "cidr": "nope", "ip_version": 4}},
        400,
        "Invalid input for operation: nope is not in a CIDR format.",
        "InvalidInput",
    ),
    Wrong(
        "PUT",
        f"{N}/subnets/{{subnet}}",
        {
            "subnet": {
                "host_routes": [{"destination": f"10.{i}.0.0/16", "nexthop": "10.1.0.9"} for i in range(21)]
            }
        },
        400,
        "Unable to complete operation for {...}. The number of host routes exceeds the limit 20.",
        "HostRoutesExhausted",
    ),
    Wrong(
        "POST",
        f"{N}/ports",
        {"port": {"network_id": "{net}", "fixed_ips": [{"ip_address": "10.1.0.50"}]}},
        409,
        "IP address 10.1.0.50 already allocated in subnet {...}",
        "IpAddressAlreadyAllocated",
    ),
    Wrong(
        "POST",
        f"{N}/ports",
        {"port": {"network_id": "{net}", "security_groups": [UNKNOWN]}},
        404,
        f"Security group {UNKNOWN} does not exist",
        "SecurityGroupNotFound",
    ),
    Wrong(
        "DELETE",
        f"{N}/routers/{{router}}",
        None,
        409,
        "Router {...} has ports still attached: {...}",
        "RouterInUse",
    ),
    Wrong(
        "PUT",
        f"{N}/routers/{{router}}/add_router_interface",
        {"subnet_id": "{subnet}"},
        400,
        "Bad router request: Router already has a port on subnet {...}.",
        "BadRequest",
    ),
    Wrong(
        "PUT",
        f"{N}/routers/{{router}}/add_router_interface",
        {},
        400,
        "Bad router request: Either subnet_id or port_id must be specified.",
        "BadRequest",
    ),
    Wrong(
        "DELETE",
        f"{N}/security-groups/{{group}}",
        None,
        409,
        "Security Group {...} in use.",
        "SecurityGroupInUse",
    ),
    Wrong(
        "POST",
        f"{N}/security-groups",
        {"security_group": {"name": "default"}},
        409,
        "Default security group already exists.",
        "SecurityGroupDefaultAlreadyExists",
    ),
    Wrong(
        "POST",
        f"{N}/security-group-rules",
        rule(protocol="tcp", port_range_min=22, port_range_max=22),
        409,
        "Security group rule already exists. Rule id is {...}.",
        "SecurityGroupRuleExists",
    ),
    Wrong(
        "POST",
        f"{N}/security-group-rules",
        rule(port_range_min=1, port_range_max=2),
        400,
        "Must also specify protocol if port range is given.",
        "SecurityGroupProtocolRequiredWithPorts",
    ),
    Wrong(
        "POST",
        f"{N}/security-group-rules",
        rule(protocol="tcp", port_range_min=3, port_range_max=2),
        400,
        "For TCP/UDP protocols, port_range_min must be <= port_range_max",
        "SecurityGroupInvalidPortRange",
    ),
    Wrong(
        "POST",
        f"{N}/floatingips",
        {"floatingip": {"floating_network_id": "{net}"}},
        400,
        "Bad floatingip request: Network {...} is not a valid external network.",
        "BadRequest",
    ),
    Wrong(
        "POST",
        f"{N}/floatingips",
        {"floatingip": {"floating_network_id": "{public}", "port_id": "{port}"}},
        404,
        "External network {...} is not reachable from subnet {...}.  Therefore, cannot associate Port "
        "{...} with a Floating IP.",
        "ExternalGatewayForFloatingIPNotFound",
    ),
    Wrong(
        "PUT",
        f"{N}/quotas/x",
        {"quota": {"nope": 1}},
        400,
        "Unrecognized attribute(s) 'nope'",
        "HTTPBadRequest",
    ),
    Wrong("GET", "/identity/v3/projects/nope", None, 404, "Could not find project: nope.", "error"),
    Wrong(
        "POST",
        "/identity/v3/users",
        {"user": {"name": "admin"}},
        409,
        "Conflict occurred attempting to store user - Duplicate entry found with name admin at domain ID "
        "default.",
        "error",
    ),
    Wrong("GET", f"/image/v2/images/{UNKNOWN}", None, 404, f"No image found with ID {UNKNOWN}", "html"),
    Wrong(
        "POST",
        "/image/v2/images",
        {"name": "i", "status": "active"},
        403,
        "Attribute &#x27;status&#x27; is read-only.",
        "html",
    ),
    Wrong("GET", f"{C}/nothing", None, 404, "The resource could not be found.", "html"),
    Wrong(
        "GET",
        f"/volume/v3/p/volumes/{UNKNOWN}",
        None,
        404,
        f"Volume {UNKNOWN} could not be found.",
        "itemNotFound",
    ),
    Wrong(
        "POST",
        "/volume/v3/p/volumes",
        {"volume": {"size": 0}},
        400,
        "Invalid input for field/attribute size. Value: 0. 0 is less than the minimum of 1",
        "badRequest",
    ),
    Wrong(
        "POST",
        "/volume/v3/p/volumes",
        {"volume": {"size": 1, "volume_type": "nope"}},
        404,
        "Volume type with name nope could not be found.",
        "itemNotFound",
    ),
    Wrong(
        "POST",
        "/volume/v3/p/volumes",
        {"volume": {"size": 100000}},
        413,
        "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
        "Requested 100000G, quota is 1000G and 0G has been consumed.",
        "overLimit",
    ),
]


async def stage(client: Client) -> dict[str, str]:
    net, subnet = await client.network()
    router = (await client.call("POST", f"{N}/routers", {"router": {}})).json["router"]["id"]
    await client.call("PUT", f"{N}/routers/{router}/add_router_interface", {"subnet_id": subnet})
    made = await client.call("POST", f"{N}/security-groups", {"security_group": {"name": "g"}})
    group = made.json["security_group"]["id"]
    given = rule(protocol="tcp", port_range_min=22, port_range_max=22)
    assert (
        await client.call("POST", f"{N}/security-group-rules", fill(given, {"group": group}))
    ).status == 201
    port = {"network_id": net, "fixed_ips": [{"ip_address": "10.1.0.50"}], "security_groups": [group]}
    made = await client.call("POST", f"{N}/ports", {"port": port})
    public = next(each.id for each in client.cloud.networking.networks.values() if each.external)
    reference = client.image_and_flavor()
    return {
        "net": net, "subnet": subnet, "router": router, "group": group, "port": made.json["port"]["id"],
        "public": public, "image": reference["imageRef"], "flavor": reference["flavorRef"],
    }  # fmt: skip


def fill(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: fill(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [fill(each, names) for each in value]
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], value)
    return value


def told(answer: Answer) -> tuple[str, str]:
    """The kind of the body, and its words."""
    if answer.headers["content-type"].startswith("text/html"):
        return "html", answer.raw.decode().split("</h1>\n  ")[1].split("<br />")[0]
    ((kind, body),) = answer.json.items()
    return body.get("type", kind) if kind == "NeutronError" else kind, body["message"]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.method} {wrong.path} {wrong.words[:30]}")
def test_wrong_calls(wrong: Wrong, tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> Answer:
        names = await stage(client)
        headers = {"OpenStack-API-Version": wrong.version} if wrong.version else {}
        path = fill(wrong.path, names)
        answer = await client.call(wrong.method, path, fill(wrong.body, names), headers=headers)
        await asyncio.sleep(0)
        return answer

    answer = client.run(test())
    kind, words = told(answer)
    expected = ".*".join(re.escape(part) for part in wrong.words.split("{...}"))
    assert (answer.status, kind) == (wrong.status, wrong.kind), words
    assert re.fullmatch(expected, words, re.DOTALL), words
