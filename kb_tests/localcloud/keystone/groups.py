"""Groups: users that get roles together."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text
from kb_tests.localcloud.keystone.common import duplicate, get_group, get_user, links, listing, missing
from kb_tests.localcloud.keystone.state import DEFAULT_DOMAIN, Group, new_id
from kb_tests.localcloud.keystone.tokens import routes
from kb_tests.localcloud.keystone.users import user_view


def _view(call: Call, group: Group) -> Json:
    return {
        "id": group.id,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
        "links": links(call, "groups", group.id),
    }


@routes.add("GET", "/v3/groups", admin="identity:list_groups")
async def list_groups(call: Call) -> Response:
    """All groups."""
    return listing(call, "groups", [_view(call, group) for group in call.cloud.identity.groups.values()])


@routes.add("GET", "/v3/users/{id}/groups", admin="identity:list_groups_for_user")
async def list_groups_of_user(call: Call) -> Response:
    """Those that a user is in."""
    user = get_user(call)
    groups = call.cloud.identity.groups.values()
    return listing(call, "groups", [_view(call, group) for group in groups if user.id in group.members])


@routes.add("POST", "/v3/groups", admin="identity:create_group")
async def create_group(call: Call) -> Response:
    """A new one."""
    given, identity = call.object("group"), call.cloud.identity
    name, domain_id = text(given, "name", longest=64), text(given, "domain_id", DEFAULT_DOMAIN)
    if domain_id not in identity.domains:
        raise missing("domain", domain_id)
    if any(group.name == name and group.domain_id == domain_id for group in identity.groups.values()):
        raise duplicate("group", name)
    group = Group(new_id(), name, domain_id, text(given, "description", ""))
    identity.groups[group.id] = group
    return reply({"group": _view(call, group)}, 201)


@routes.add("GET", "/v3/groups/{id}", admin="identity:get_group")
async def show_group(call: Call) -> Response:
    """One of them."""
    return reply({"group": _view(call, get_group(call))})


@routes.add("PATCH", "/v3/groups/{id}", admin="identity:update_group")
async def update_group(call: Call) -> Response:
    """Name and description."""
    group, given = get_group(call), call.object("group")
    group.name = text(given, "name", group.name, longest=64)
    group.description = text(given, "description", group.description)
    return reply({"group": _view(call, group)})


@routes.add("DELETE", "/v3/groups/{id}", admin="identity:delete_group")
async def delete_group(call: Call) -> Response:
    """The group and its assignments."""
    group, identity = get_group(call), call.cloud.identity
    del identity.groups[group.id]
    identity.assignments = {entry for entry in identity.assignments if entry[1] != group.id}
    return reply(status=204)


@routes.add("GET", "/v3/groups/{id}/users", admin="identity:list_users_in_group")
async def list_members(call: Call) -> Response:
    """The users in it."""
    users = call.cloud.identity.users
    members = [users[member] for member in sorted(get_group(call).members) if member in users]
    return listing(call, "users", [user_view(call, user) for user in members])


@routes.add("PUT", "/v3/groups/{id}/users/{user}", admin="identity:add_user_to_group")
async def add_member(call: Call) -> Response:
    """One more."""
    get_group(call).members.add(get_user(call, "user").id)
    return reply(status=204)


@routes.add("GET", "/v3/groups/{id}/users/{user}", admin="identity:check_user_in_group")
async def check_member(call: Call) -> Response:
    """Whether a user is in it."""
    if get_user(call, "user").id not in get_group(call).members:
        raise missing("user in group", call.params["user"])
    return reply(status=204)


@routes.add("DELETE", "/v3/groups/{id}/users/{user}", admin="identity:remove_user_from_group")
async def remove_member(call: Call) -> Response:
    """One less."""
    await check_member(call)
    get_group(call).members.discard(call.params["user"])
    return reply(status=204)
