"""Server groups."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import bad_request, forbidden, not_found
from kb_tests.localcloud.nova import limits
from kb_tests.localcloud.nova.common import routes
from kb_tests.localcloud.nova.state import ServerGroup

_POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


def _view(call: Call, group: ServerGroup) -> Json:
    shown: Json = {"id": group.id, "name": group.name, "members": sorted(group.members)}
    if call.version >= (2, 64):
        shown |= {"policy": group.policy, "rules": dict(group.rules)}
    else:
        shown |= {"policies": [group.policy], "metadata": {}}
    if call.version >= (2, 13):
        shown |= {"project_id": group.project_id, "user_id": group.user_id}
    return shown


@routes.add("GET", "/v2.1/os-server-groups")
async def list_groups(call: Call) -> Response:
    """The project's."""
    everywhere = call.caller.is_admin and truth(call.query.get("all_projects"))
    groups = call.cloud.compute.groups.values()
    seen = [group for group in groups if everywhere or group.project_id == call.caller.project_id]
    return reply({"server_groups": [_view(call, group) for group in seen]})


def _get(call: Call) -> ServerGroup:
    group = call.cloud.compute.groups.get(call.params["id"])
    if group is None or not call.caller.sees(group.project_id):
        raise not_found(f"Instance group {call.params['id']} could not be found.")
    return group


@routes.add("GET", "/v2.1/os-server-groups/{id}")
async def show_group(call: Call) -> Response:
    """One of them."""
    return reply({"server_group": _view(call, _get(call))})


@routes.add("POST", "/v2.1/os-server-groups")
async def create_group(call: Call) -> Response:
    """A new one, with one policy."""
    given, compute = call.object("server_group"), call.cloud.compute
    policies = [given.get("policy")] if call.version >= (2, 64) else given.get("policies")
    if not isinstance(policies, list) or len(policies) != 1 or policies[0] not in _POLICIES:
        raise bad_request(f"Invalid input for field/attribute policies. Value: {policies}.")
    limit = limits.limit(call.cloud, "server_groups", call.caller.project_id)
    if 0 <= limit <= compute.used(call.caller.project_id)["server_groups"]:
        raise forbidden("Quota exceeded, too many server groups.")
    group = ServerGroup(
        project_id=call.caller.project_id,
        user_id=call.caller.user_id,
        name=text(given, "name"),
        policy=str(policies[0]),
        rules={name: int(value) for name, value in (given.get("rules") or {}).items()},
    )
    compute.groups[group.id] = group
    return reply({"server_group": _view(call, group)})


@routes.add("DELETE", "/v2.1/os-server-groups/{id}")
async def delete_group(call: Call) -> Response:
    """Its servers stay."""
    del call.cloud.compute.groups[_get(call).id]
    return reply(status=204)
