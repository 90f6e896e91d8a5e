"""What all services share: who may call, versions, paging, errors."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_tests.localcloud.times import now
from tests.unit.localcloud.asgi import Client

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_without_a_valid_token_nothing_is_answered(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        for path in (
            "/compute/v2.1/servers",
            "/networking/v2.0/networks",
            "/volume/v3/x/volumes",
            "/admin/requests",
        ):
            for token in ("", "nonsense"):
                answer = await client.call("GET", path, token=token)
                assert answer.status == 401
                assert answer.json["error"]["code"] == 401
                assert answer.headers["www-authenticate"].startswith("Keystone uri=")

    client.run(test())


def test_a_token_ends_with_its_time_its_user_and_its_role(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def works(token: str) -> bool:
        return (await client.call("GET", "/compute/v2.1/servers", token=token)).status == 200

    async def test() -> None:
        identity = client.cloud.identity
        token = await client.tenant("t")
        assert await works(token)
        user = identity.tokens[token].user_id
        kept = set(identity.assignments)
        identity.assignments = {entry for entry in kept if entry[1] != user}
        assert not await works(token)
        identity.assignments = kept
        assert await works(token)
        assert (await client.call("DELETE", f"/identity/v3/users/{user}")).status == 204
        assert not await works(token)
        identity.token_lifetime = timedelta(seconds=-1)
        late = identity.issue(identity.users[identity.tokens[client.token].user_id], "", "", ("password",))
        assert late.expires < now()
        assert not await works(late.id)

    client.run(test())


def test_a_wrong_password_an_unknown_user_and_a_project_without_role_are_the_same_401(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await client.tenant("t")
        bodies = set()
        for name, password, project in (("t", "no", "t"), ("nobody", "pw", "t"), ("t", "pw", "admin")):
            user = {"name": name, "password": password, "domain": {"id": "default"}}
            scope = {"project": {"name": project, "domain": {"id": "default"}}}
            body = {
                "auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
            }
            answer = await client.call("POST", "/identity/v3/auth/tokens", body)
            assert answer.status == 401
            bodies.add(answer.raw)
        assert len(bodies) == 1

    client.run(test())


def test_calls_for_administrators_are_refused_in_each_services_words(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        token = await client.tenant("t")
        compute = await client.call("GET", "/compute/v2.1/os-hypervisors", token=token)
        assert compute.json == {
            "forbidden": {
                "code": 403,
                "message": "Policy doesn't allow os_compute_api:os-hypervisors:list to be performed.",
            }
        }
        identity = await client.call("POST", "/identity/v3/projects", {"project": {"name": "x"}}, token=token)
        assert identity.json["error"]["message"] == (
            "You are not authorized to perform the requested action: identity:create_project."
        )
        network = await client.call(
            "POST", "/networking/v2.0/networks", {"network": {"router:external": True}}, token=token
        )
        assert (network.status, network.json["NeutronError"]["type"]) == (403, "PolicyNotAuthorized")
        image = await client.call("POST", "/image/v2/images", {"visibility": "public"}, token=token)
        assert (image.status, image.headers["content-type"]) == (403, "text/html; charset=utf-8")
        log = await client.call("GET", "/admin/requests", token=token)
        assert log.status == 403

    client.run(test())


def test_microversions_are_agreed_on_or_refused(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def version(asked: str) -> tuple[int, str | None]:
        answer = await client.call(
            "GET", "/compute/v2.1/servers", headers={"OpenStack-API-Version": f"compute {asked}"}
        )
        return answer.status, answer.headers.get("openstack-api-version")

    async def test() -> None:
        assert await version("2.96") == (200, "compute 2.96")
        assert await version("latest") == (200, "compute 2.96")
        assert (await version("2.97"))[0] == 406
        assert (await version("two"))[0] == 400
        plain = await client.call(
            "GET", "/compute/v2.1/servers", headers={"OpenStack-API-Version": "volume 3.1"}
        )
        assert plain.headers["openstack-api-version"] == "compute 2.1"

    client.run(test())


def test_pages_hold_everything_once(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        for number in range(7):
            body = {"network": {"name": f"n{number}"}}
            assert (await client.call("POST", "/networking/v2.0/networks", body)).status == 201
        seen: list[str] = []
        path = "/networking/v2.0/networks?limit=3&sort_key=name&sort_dir=desc"
        while path:
            page = (await client.call("GET", path)).json
            seen += [network["name"] for network in page["networks"]]
            links = page.get("networks_links", [])
            path = links[0]["href"].removeprefix("http://cloud.test") if links else ""
        assert seen == ["public", *(f"n{number}" for number in reversed(range(7)))]
        bad = await client.call("GET", f"/networking/v2.0/networks?marker={UNKNOWN}")
        assert bad.status == 400

    client.run(test())


def test_the_request_log_tells_paths_and_agents_but_no_secret(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        body = {"user": {"name": "u", "password": "very-secret"}}
        await client.call("POST", "/identity/v3/users?x=query-secret", body, headers={"user-agent": "me"})
        answer = await client.call("GET", "/admin/requests?method=POST&path=/users")
        (entry,) = answer.json["requests"]
        assert (entry["path"], entry["status"], entry["user_agent"]) == ("/identity/v3/users", 201, "me")
        everything = (await client.call("GET", "/admin/requests")).raw
        for secret in (b"very-secret", b"query-secret", client.token.encode()):
            assert secret not in everything

    client.run(test())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["name", "networks", "imageRef", "flavorRef", "min_count", "metadata", "network_id", "cidr", "fixed_ips",
     "security_groups", "size", "host_routes", "allocation_pools", "protocol", "port_range_min", "user_data",
     "external_gateway_info", "routes", "availability_zone", "tags", "public_key", "identity", "scope"]
)  # fmt: skip
calls = st.sampled_from(
    [
        ("/identity/v3/auth/tokens", "auth"),
        ("/identity/v3/projects", "project"),
        ("/identity/v3/users", "user"),
        ("/compute/v2.1/servers", "server"),
        ("/compute/v2.1/flavors", "flavor"),
        ("/compute/v2.1/os-keypairs", "keypair"),
        ("/networking/v2.0/networks", "network"),
        ("/networking/v2.0/subnets", "subnet"),
        ("/networking/v2.0/ports", "port"),
        ("/networking/v2.0/routers", "router"),
        ("/networking/v2.0/security-groups", "security_group"),
        ("/networking/v2.0/security-group-rules", "security_group_rule"),
        ("/networking/v2.0/floatingips", "floatingip"),
        ("/image/v2/images", ""),
        ("/volume/v3/p/volumes", "volume"),
        ("/volume/v3/p/types", "volume_type"),
        ("/admin/faults", "fault"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=calls, values=st.dictionaries(names, json_values, max_size=5), nonsense=json_values)
def test_no_body_is_a_bug(
    tmp_path: Path, call: tuple[str, str], values: dict[str, object], nonsense: object
) -> None:
    client = Client(tmp_path)
    path, name = call

    async def test() -> None:
        network_id, _ = await client.network()
        for body in ({name: values}, values, {name: nonsense}, nonsense):
            full = body
            if isinstance(body, dict) and isinstance(body.get(name), dict):
                defaults = {"network_id": network_id, "floating_network_id": network_id, "name": "x"}
                full = {
                    name: defaults | {"networks": [{"uuid": network_id}]} | client.image_and_flavor() | values
                }
                assert (await client.call("POST", path, full)).status < 500
            assert (await client.call("POST", path, body)).status < 500

    client.run(test())
