"""Users."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import ApiError
from kb_tests.localcloud.keystone.common import (
    duplicate,
    get_user,
    in_managed,
    links,
    listing,
    missing,
    must_manage,
)
from kb_tests.localcloud.keystone.state import (
    DEFAULT_DOMAIN,
    User,
)
from kb_tests.localcloud.keystone.tokens import routes


def user_view(call: Call, user: User) -> Json:
    """The user's body."""
    view: Json = {
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "options": user.options,
        "password_expires_at": None,
        "links": links(call, "users", user.id),
    }
    if user.description:
        view["description"] = user.description
    if user.email is not None:
        view["email"] = user.email
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view


@routes.add("GET", "/v3/users", admin="identity:list_users")
async def list_users(call: Call) -> Response:
    """All users."""
    users = call.cloud.identity.users.values()
    seen = [user for user in users if call.caller.is_admin or in_managed(call, user.domain_id)]
    return listing(call, "users", [user_view(call, user) for user in seen])


@routes.add("GET", "/v3/users/{id}")
async def show_user(call: Call) -> Response:
    """One user: oneself, or as an administrator any."""
    found = call.cloud.identity.users.get(call.params["id"])
    if call.params["id"] != call.caller.user_id and not (found and in_managed(call, found.domain_id)):
        must_manage(call, "", "identity:get_user")
    return reply({"user": user_view(call, get_user(call))})


@routes.add("POST", "/v3/users", admin="identity:create_user")
async def create_user(call: Call) -> Response:
    """A new user."""
    given, identity = call.object("user"), call.cloud.identity
    name = text(given, "name")
    domain_id = text(given, "domain_id", DEFAULT_DOMAIN)
    if not name:
        raise errors.bad_request("Invalid input for field 'name': '' is too short.")
    if domain_id not in identity.domains:
        raise missing("domain", domain_id)
    must_manage(call, domain_id, "identity:create_user")
    if any(user.name == name and user.domain_id == domain_id for user in identity.users.values()):
        raise duplicate("user", f"{name} at domain ID {domain_id}")
    user = identity.add_user(name, text(given, "password", "", longest=4096) or None, domain_id)
    _edit_user(user, given)
    return reply({"user": user_view(call, user)}, 201)


def _edit_user(user: User, given: Json) -> None:
    user.description = text(given, "description", user.description, longest=4096)
    user.email = given.get("email", user.email)
    user.enabled = truth(given.get("enabled"), user.enabled)
    user.default_project_id = given.get("default_project_id", user.default_project_id)
    user.options = dict(given.get("options") or user.options)


@routes.add("PATCH", "/v3/users/{id}", admin="identity:update_user")
async def update_user(call: Call) -> Response:
    """Rename, describe, new password."""
    user, given = get_user(call), call.object("user")
    must_manage(call, user.domain_id, "identity:update_user")
    user.name = text(given, "name", user.name)
    _edit_user(user, given)
    if isinstance(given.get("password"), str):
        user.password = call.cloud.identity.hashed(given["password"])
    return reply({"user": user_view(call, user)})


@routes.add("POST", "/v3/users/{id}/password")
async def change_password(call: Call) -> Response:
    """One's own password."""
    user, given, identity = get_user(call), call.object("user"), call.cloud.identity
    if user.id != call.caller.user_id or user.password != identity.hashed(text(given, "original_password")):
        raise ApiError(401, "The request you have made requires authentication.")
    user.password = identity.hashed(text(given, "password", longest=4096))
    identity.tokens = {key: token for key, token in identity.tokens.items() if token.user_id != user.id}
    return reply(status=204)


@routes.add("DELETE", "/v3/users/{id}", admin="identity:delete_user")
async def delete_user(call: Call) -> Response:
    """The user, with assignments and tokens."""
    user, identity = get_user(call), call.cloud.identity
    must_manage(call, user.domain_id, "identity:delete_user")
    del identity.users[user.id]
    identity.assignments = {entry for entry in identity.assignments if entry[1] != user.id}
    return reply(status=204)
