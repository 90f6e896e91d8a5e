"""Roles, and who has which on what."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply, text
from kb_tests.localcloud.keystone.common import (
    duplicate,
    forbidden,
    get_group,
    get_project,
    get_role,
    get_user,
    links,
    listing,
    missing,
    must_manage,
)
from kb_tests.localcloud.keystone.state import (
    SYSTEM,
    Role,
    new_id,
)
from kb_tests.localcloud.keystone.tokens import routes

_OF_MANAGERS = frozenset({"manager", "member", "reader"})
"""The roles that the manager of a domain may give and take."""


def _role_view(call: Call, role: Role) -> Json:
    return {
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": role.options,
        "links": links(call, "roles", role.id),
    }


@routes.add("GET", "/v3/roles", admin="identity:list_roles")
async def list_roles(call: Call) -> Response:
    """All roles."""
    return listing(call, "roles", [_role_view(call, role) for role in call.cloud.identity.roles.values()])


@routes.add("GET", "/v3/roles/{id}", admin="identity:get_role")
async def show_role(call: Call) -> Response:
    """One role."""
    return reply({"role": _role_view(call, get_role(call))})


@routes.add("POST", "/v3/roles", admin="identity:create_role")
async def create_role(call: Call) -> Response:
    """A new role."""
    given = call.object("role")
    name = text(given, "name")
    if any(role.name == name for role in call.cloud.identity.roles.values()):
        raise duplicate("role", name)
    role = Role(new_id(), name, text(given, "description", ""), given.get("domain_id"))
    call.cloud.identity.roles[role.id] = role
    return reply({"role": _role_view(call, role)}, 201)


@routes.add("PATCH", "/v3/roles/{id}", admin="identity:update_role")
async def update_role(call: Call) -> Response:
    """Rename, describe."""
    role, given = get_role(call), call.object("role")
    role.name = text(given, "name", role.name)
    role.description = text(given, "description", role.description)
    return reply({"role": _role_view(call, role)})


@routes.add("DELETE", "/v3/roles/{id}", admin="identity:delete_role")
async def delete_role(call: Call) -> Response:
    """The role and its assignments."""
    role, identity = get_role(call), call.cloud.identity
    del identity.roles[role.id]
    identity.assignments = {entry for entry in identity.assignments if entry[2] != role.id}
    return reply(status=204)


def _on_project(call: Call) -> str:
    return get_project(call, "target").id


def _on_domain(call: Call) -> str:
    if call.params["target"] not in call.cloud.identity.domains:
        raise missing("domain", call.params["target"])
    return call.params["target"]


def _on_system(_call: Call) -> str:
    return SYSTEM


def _assignable(
    prefix: str, target_of: Callable[[Call], str], kind: str, who_of: Callable[[Call], str]
) -> None:
    """The five calls on the roles of a user or a group (`kind`) on one kind of target."""
    whose = f"{prefix}/{kind}/{{who}}/roles"

    @routes.add("GET", whose, admin="identity:list_grants")
    async def granted(call: Call) -> Response:
        identity, target, who = call.cloud.identity, target_of(call), who_of(call)
        must_manage_target(call, "identity:list_grants")
        held = [role for place, holder, role in identity.assignments if (place, holder) == (target, who)]
        return listing(call, "roles", [_role_view(call, identity.roles[role]) for role in held])

    @routes.add("PUT", whose + "/{role}", admin="identity:create_grant")
    async def grant(call: Call) -> Response:
        role = get_role(call, "role")
        must_manage_target(call, "identity:create_grant", role)
        call.cloud.identity.assignments.add((target_of(call), who_of(call), role.id))
        return reply(status=204)

    @routes.add("GET", whose + "/{role}", admin="identity:check_grant")
    async def check(call: Call) -> Response:
        must_manage_target(call, "identity:check_grant")
        entry(call)
        return reply(status=204)

    @routes.add("DELETE", whose + "/{role}", admin="identity:revoke_grant")
    async def ungrant(call: Call) -> Response:
        must_manage_target(call, "identity:revoke_grant", get_role(call, "role"))
        call.cloud.identity.assignments.discard(entry(call))
        return reply(status=204)

    def must_manage_target(call: Call, rule: str, role: Role | None = None) -> None:
        project = call.cloud.identity.projects.get(target_of(call))
        domain_id = target_of(call) if project is None else project.domain_id
        if role is not None and role.name not in _OF_MANAGERS and not call.caller.is_admin:
            raise forbidden(rule)
        must_manage(call, domain_id, rule)

    def entry(call: Call) -> tuple[str, str, str]:
        role = get_role(call, "role").id
        found = (target_of(call), who_of(call), role)
        if found not in call.cloud.identity.assignments:
            raise errors.not_found(
                f"Could not find role assignment with role: {role}, user or group: {found[1]}, "
                f"project, domain, or system: {found[0]}."
            )
        return found


for _prefix, _target_of in (
    ("/v3/projects/{target}", _on_project),
    ("/v3/domains/{target}", _on_domain),
    ("/v3/system", _on_system),
):
    _assignable(_prefix, _target_of, "users", lambda call: get_user(call, "who").id)
    _assignable(_prefix, _target_of, "groups", lambda call: get_group(call, "who").id)


@routes.add("GET", "/v3/role_assignments")
async def list_assignments(call: Call) -> Response:
    """Who has which role where; a user sees the own ones, an administrator all."""
    identity, query = call.cloud.identity, call.query
    wanted_user, wanted_group = query.get("user.id"), query.get("group.id")
    if not call.caller.is_admin and wanted_user != call.caller.user_id:
        raise forbidden("identity:list_role_assignments")
    named = "include_names" in query and query["include_names"].lower() not in {"0", "false"}
    views = []
    for target, holder, role_id in sorted(identity.assignments):
        if wanted_user not in (None, holder) or wanted_group not in (None, holder):
            continue
        if query.get("role.id") not in (None, role_id):
            continue
        kind = "system" if target == SYSTEM else "domain" if target in identity.domains else "project"
        asked = [name for name in ("scope.project.id", "scope.domain.id", "scope.system") if name in query]
        if asked and (kind != asked[0].split(".")[1] or (kind != "system" and query[asked[0]] != target)):
            continue
        views.append(_assignment_view(call, kind, target, holder, role_id, named=named))
    address = f"{call.cloud.url}/identity/v3/role_assignments"
    return reply({"role_assignments": views, "links": {"next": None, "self": address, "previous": None}})


def _assignment_view(
    call: Call, kind: str, target: str, holder_id: str, role_id: str, *, named: bool
) -> Json:
    identity = call.cloud.identity
    role = identity.roles[role_id]
    holder = identity.users.get(holder_id) or identity.groups[holder_id]
    whose = "user" if holder_id in identity.users else "group"
    who: Json = {"id": holder_id}
    what: Json = {"id": role_id}
    where: Json = {"all": True} if kind == "system" else {"id": target}
    if named:
        domain = identity.domains[holder.domain_id]
        who |= {"name": holder.name, "domain": {"id": domain.id, "name": domain.name}}
        what["name"] = role.name
        if kind == "project":
            project = identity.projects[target]
            owner = identity.domains[project.domain_id]
            where |= {"name": project.name, "domain": {"id": owner.id, "name": owner.name}}
        elif kind == "domain":
            where["name"] = identity.domains[target].name
    link = f"{call.cloud.url}/identity/v3/{kind}s/{target}/{whose}s/{holder_id}/roles/{role_id}"
    return {"scope": {kind: where}, whose: who, "role": what, "links": {"assignment": link}}
