"""Versions, domains, projects, users, roles, assignments, services and endpoints."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import ApiError
from kb_tests.localcloud.api.filters import keep
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.keystone import tokens
from kb_tests.localcloud.keystone.state import DEFAULT_DOMAIN, SYSTEM, Domain, Project, Role, User, new_id
from kb_tests.localcloud.keystone.tokens import ENDPOINTS, REGION, catalog, routes, stable_id

SERVICE = Service(
    "keystone",
    "identity",
    routes,
    errors.keystone,
    "You are not authorized to perform the requested action: {rule}.",
)


def _version(call: Call) -> Json:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.cloud.url}/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    return reply({"versions": {"values": [_version(call)]}}, 300)


@routes.add("GET", "/v3", public=True)
async def version(call: Call) -> Response:
    """Version 3."""
    return reply({"version": _version(call)})


def _links(call: Call, kind: str, identifier: str) -> Json:
    return {"self": f"{call.cloud.url}/identity/v3/{kind}/{identifier}"}


def _listing(call: Call, kind: str, views: list[Json], ignore: frozenset[str] = frozenset()) -> Response:
    found = keep(views, call.query, ignore)
    address = f"{call.cloud.url}/identity/v3/{kind}"
    return reply({kind: found, "links": {"next": None, "self": address, "previous": None}})


def _missing(kind: str, identifier: str) -> ApiError:
    return errors.not_found(f"Could not find {kind}: {identifier}.")


def _duplicate(kind: str, name: str) -> ApiError:
    return errors.conflict(
        f"Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}."
    )


def _forbidden(rule: str) -> ApiError:
    return errors.forbidden(SERVICE.denied.format(rule=rule))


# Domains


def _domain_view(call: Call, domain: Domain) -> Json:
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "options": {},
        "tags": [],
        "links": _links(call, "domains", domain.id),
    }


def _domain(call: Call) -> Domain:
    domain = call.cloud.identity.domains.get(call.params["id"])
    if domain is None:
        raise _missing("domain", call.params["id"])
    return domain


@routes.add("GET", "/v3/domains", admin="identity:list_domains")
async def list_domains(call: Call) -> Response:
    """All domains."""
    return _listing(
        call, "domains", [_domain_view(call, domain) for domain in call.cloud.identity.domains.values()]
    )


@routes.add("GET", "/v3/auth/domains")
async def list_own_domains(call: Call) -> Response:
    """The domains in which the caller has a role."""
    identity, user = call.cloud.identity, call.caller.user_id
    own = [domain for domain in identity.domains.values() if identity.role_ids(user, domain.id)]
    return _listing(call, "domains", [_domain_view(call, domain) for domain in own])


@routes.add("GET", "/v3/domains/{id}", admin="identity:get_domain")
async def show_domain(call: Call) -> Response:
    """One domain."""
    return reply({"domain": _domain_view(call, _domain(call))})


@routes.add("POST", "/v3/domains", admin="identity:create_domain")
async def create_domain(call: Call) -> Response:
    """A new domain."""
    given = call.object("domain")
    name = text(given, "name", longest=64)
    if any(domain.name == name for domain in call.cloud.identity.domains.values()):
        raise _duplicate("domain", name)
    domain = Domain(new_id(), name, text(given, "description", ""), truth(given.get("enabled"), True))
    call.cloud.identity.domains[domain.id] = domain
    return reply({"domain": _domain_view(call, domain)}, 201)


@routes.add("PATCH", "/v3/domains/{id}", admin="identity:update_domain")
async def update_domain(call: Call) -> Response:
    """Rename, describe, disable."""
    domain, given = _domain(call), call.object("domain")
    domain.name = text(given, "name", domain.name, longest=64)
    domain.description = text(given, "description", domain.description)
    domain.enabled = truth(given.get("enabled"), domain.enabled)
    return reply({"domain": _domain_view(call, domain)})


@routes.add("DELETE", "/v3/domains/{id}", admin="identity:delete_domain")
async def delete_domain(call: Call) -> Response:
    """A disabled domain, with its projects and users."""
    domain, identity = _domain(call), call.cloud.identity
    if domain.enabled:
        raise errors.forbidden("Cannot delete a domain that is enabled, please disable it first.")
    for project in [p for p in identity.projects.values() if p.domain_id == domain.id]:
        del identity.projects[project.id]
    for user in [u for u in identity.users.values() if u.domain_id == domain.id]:
        del identity.users[user.id]
    del identity.domains[domain.id]
    return reply(status=204)


# Projects


def _project_view(call: Call, project: Project) -> Json:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "description": project.description,
        "enabled": project.enabled,
        "parent_id": project.parent_id,
        "is_domain": False,
        "tags": project.tags,
        "options": project.options,
        "links": _links(call, "projects", project.id),
    }


def _project(call: Call, name: str = "id") -> Project:
    project = call.cloud.identity.projects.get(call.params[name])
    if project is None:
        raise _missing("project", call.params[name])
    return project


def _check_project_name(call: Call, name: str, domain_id: str, own: str = "") -> None:
    if not name:
        raise errors.bad_request("Invalid input for field 'name': '' is too short.")
    for project in call.cloud.identity.projects.values():
        if project.name == name and project.domain_id == domain_id and project.id != own:
            raise errors.conflict(
                "Conflict occurred attempting to store project - it is not permitted to have two projects "
                f"with either the same name or same id in the same domain: name is {name}, project id "
                f"{project.id}."
            )


@routes.add("GET", "/v3/projects", admin="identity:list_projects")
async def list_projects(call: Call) -> Response:
    """All projects."""
    projects = call.cloud.identity.projects.values()
    return _listing(call, "projects", [_project_view(call, project) for project in projects])


async def _own_projects(call: Call) -> Response:
    identity = call.cloud.identity
    user = call.params.get("id", call.caller.user_id)
    if user != call.caller.user_id and not call.caller.is_admin:
        raise _forbidden("identity:list_user_projects")
    own = [project for project in identity.projects.values() if identity.role_ids(user, project.id)]
    return _listing(call, "projects", [_project_view(call, project) for project in own])


routes.add("GET", "/v3/auth/projects")(_own_projects)
routes.add("GET", "/v3/users/{id}/projects")(_own_projects)


@routes.add("GET", "/v3/projects/{id}")
async def show_project(call: Call) -> Response:
    """One project: the caller's, or as an administrator any."""
    if not call.caller.sees(call.params["id"]):
        raise _forbidden("identity:get_project")
    return reply({"project": _project_view(call, _project(call))})


@routes.add("POST", "/v3/projects", admin="identity:create_project")
async def create_project(call: Call) -> Response:
    """A new project."""
    given, identity = call.object("project"), call.cloud.identity
    name = text(given, "name", longest=64)
    parent = text(given, "parent_id", "")
    domain_id = text(given, "domain_id", DEFAULT_DOMAIN)
    if domain_id not in identity.domains:
        raise _missing("domain", domain_id)
    _check_project_name(call, name, domain_id)
    project = identity.add_project(name, text(given, "description", "", longest=4096), domain_id)
    project.enabled = truth(given.get("enabled"), True)
    project.parent_id = parent or domain_id
    project.tags = [str(tag) for tag in given.get("tags", [])]
    project.options = dict(given.get("options") or {})
    return reply({"project": _project_view(call, project)}, 201)


@routes.add("PATCH", "/v3/projects/{id}", admin="identity:update_project")
async def update_project(call: Call) -> Response:
    """Rename, describe, enable or disable."""
    project, given = _project(call), call.object("project")
    name = text(given, "name", project.name, longest=64)
    _check_project_name(call, name, project.domain_id, project.id)
    project.name = name
    project.description = text(given, "description", project.description, longest=4096)
    project.enabled = truth(given.get("enabled"), project.enabled)
    if isinstance(given.get("tags"), list):
        project.tags = [str(tag) for tag in given["tags"]]
    return reply({"project": _project_view(call, project)})


@routes.add("DELETE", "/v3/projects/{id}", admin="identity:delete_project")
async def delete_project(call: Call) -> Response:
    """The project and its assignments; what it owns in other services stays, as with Keystone."""
    project, identity = _project(call), call.cloud.identity
    del identity.projects[project.id]
    identity.assignments = {entry for entry in identity.assignments if entry[0] != project.id}
    return reply(status=204)


@routes.add("GET", "/v3/projects/{id}/tags")
async def list_project_tags(call: Call) -> Response:
    """The tags of a project."""
    if not call.caller.sees(call.params["id"]):
        raise _forbidden("identity:list_project_tags")
    return reply({"tags": _project(call).tags, "links": {}})


@routes.add("PUT", "/v3/projects/{id}/tags", admin="identity:update_project_tags")
async def replace_project_tags(call: Call) -> Response:
    """Other tags."""
    project = _project(call)
    project.tags = [str(tag) for tag in call.body.get("tags", [])]
    return reply({"tags": project.tags, "links": {}})


# Users


def _user_view(call: Call, user: User) -> Json:
    view: Json = {
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "options": user.options,
        "password_expires_at": None,
        "links": _links(call, "users", user.id),
    }
    if user.description:
        view["description"] = user.description
    if user.email is not None:
        view["email"] = user.email
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view


def _user(call: Call, name: str = "id") -> User:
    user = call.cloud.identity.users.get(call.params[name])
    if user is None:
        raise _missing("user", call.params[name])
    return user


@routes.add("GET", "/v3/users", admin="identity:list_users")
async def list_users(call: Call) -> Response:
    """All users."""
    users = call.cloud.identity.users.values()
    return _listing(call, "users", [_user_view(call, user) for user in users])


@routes.add("GET", "/v3/users/{id}")
async def show_user(call: Call) -> Response:
    """One user: oneself, or as an administrator any."""
    if call.params["id"] != call.caller.user_id and not call.caller.is_admin:
        raise _forbidden("identity:get_user")
    return reply({"user": _user_view(call, _user(call))})


@routes.add("POST", "/v3/users", admin="identity:create_user")
async def create_user(call: Call) -> Response:
    """A new user."""
    given, identity = call.object("user"), call.cloud.identity
    name = text(given, "name")
    domain_id = text(given, "domain_id", DEFAULT_DOMAIN)
    if not name:
        raise errors.bad_request("Invalid input for field 'name': '' is too short.")
    if domain_id not in identity.domains:
        raise _missing("domain", domain_id)
    if any(user.name == name and user.domain_id == domain_id for user in identity.users.values()):
        raise _duplicate("user", f"{name} at domain ID {domain_id}")
    user = identity.add_user(name, text(given, "password", "", longest=4096) or None, domain_id)
    _edit_user(user, given)
    return reply({"user": _user_view(call, user)}, 201)


def _edit_user(user: User, given: Json) -> None:
    user.description = text(given, "description", user.description, longest=4096)
    user.email = given.get("email", user.email)
    user.enabled = truth(given.get("enabled"), user.enabled)
    user.default_project_id = given.get("default_project_id", user.default_project_id)
    user.options = dict(given.get("options") or user.options)


@routes.add("PATCH", "/v3/users/{id}", admin="identity:update_user")
async def update_user(call: Call) -> Response:
    """Rename, describe, new password."""
    user, given = _user(call), call.object("user")
    user.name = text(given, "name", user.name)
    _edit_user(user, given)
    if isinstance(given.get("password"), str):
        user.password = call.cloud.identity.hashed(given["password"])
    return reply({"user": _user_view(call, user)})


@routes.add("POST", "/v3/users/{id}/password")
async def change_password(call: Call) -> Response:
    """One's own password."""
    user, given, identity = _user(call), call.object("user"), call.cloud.identity
    if user.id != call.caller.user_id or user.password != identity.hashed(text(given, "original_password")):
        raise ApiError(401, "The request you have made requires authentication.")
    user.password = identity.hashed(text(given, "password", longest=4096))
    identity.tokens = {key: token for key, token in identity.tokens.items() if token.user_id != user.id}
    return reply(status=204)


@routes.add("DELETE", "/v3/users/{id}", admin="identity:delete_user")
async def delete_user(call: Call) -> Response:
    """The user, with assignments and tokens."""
    user, identity = _user(call), call.cloud.identity
    del identity.users[user.id]
    identity.assignments = {entry for entry in identity.assignments if entry[1] != user.id}
    return reply(status=204)


@routes.add("GET", "/v3/users/{id}/groups")
async def list_user_groups(call: Call) -> Response:
    """None: roles are given to users here."""
    _user(call)
    return _listing(call, "groups", [])


@routes.add("GET", "/v3/groups", admin="identity:list_groups")
async def list_groups(call: Call) -> Response:
    """None: roles are given to users here."""
    return _listing(call, "groups", [])


# Roles and assignments


def _role_view(call: Call, role: Role) -> Json:
    return {
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": role.options,
        "links": _links(call, "roles", role.id),
    }


def _role(call: Call, name: str = "id") -> Role:
    role = call.cloud.identity.roles.get(call.params[name])
    if role is None:
        raise _missing("role", call.params[name])
    return role


@routes.add("GET", "/v3/roles", admin="identity:list_roles")
async def list_roles(call: Call) -> Response:
    """All roles."""
    return _listing(call, "roles", [_role_view(call, role) for role in call.cloud.identity.roles.values()])


@routes.add("GET", "/v3/roles/{id}", admin="identity:get_role")
async def show_role(call: Call) -> Response:
    """One role."""
    return reply({"role": _role_view(call, _role(call))})


@routes.add("POST", "/v3/roles", admin="identity:create_role")
async def create_role(call: Call) -> Response:
    """A new role."""
    given = call.object("role")
    name = text(given, "name")
    if any(role.name == name for role in call.cloud.identity.roles.values()):
        raise _duplicate("role", name)
    role = Role(new_id(), name, text(given, "description", ""), given.get("domain_id"))
    call.cloud.identity.roles[role.id] = role
    return reply({"role": _role_view(call, role)}, 201)


@routes.add("PATCH", "/v3/roles/{id}", admin="identity:update_role")
async def update_role(call: Call) -> Response:
    """Rename, describe."""
    role, given = _role(call), call.object("role")
    role.name = text(given, "name", role.name)
    role.description = text(given, "description", role.description)
    return reply({"role": _role_view(call, role)})


@routes.add("DELETE", "/v3/roles/{id}", admin="identity:delete_role")
async def delete_role(call: Call) -> Response:
    """The role and its assignments."""
    role, identity = _role(call), call.cloud.identity
    del identity.roles[role.id]
    identity.assignments = {entry for entry in identity.assignments if entry[2] != role.id}
    return reply(status=204)


def _on_project(call: Call) -> str:
    return _project(call, "target").id


def _on_domain(call: Call) -> str:
    if call.params["target"] not in call.cloud.identity.domains:
        raise _missing("domain", call.params["target"])
    return call.params["target"]


def _on_system(_call: Call) -> str:
    return SYSTEM


def _assignable(prefix: str, target_of: Callable[[Call], str]) -> None:
    """The five calls on the roles of a user on one kind of target."""

    @routes.add("GET", f"{prefix}/users/{{user}}/roles", admin="identity:list_grants")
    async def granted(call: Call) -> Response:
        identity, target, user = call.cloud.identity, target_of(call), _user(call, "user")
        held = [role for place, who, role in identity.assignments if place == target and who == user.id]
        return _listing(call, "roles", [_role_view(call, identity.roles[role]) for role in held])

    @routes.add("PUT", f"{prefix}/users/{{user}}/roles/{{role}}", admin="identity:create_grant")
    async def grant(call: Call) -> Response:
        call.cloud.identity.assignments.add((target_of(call), _user(call, "user").id, _role(call, "role").id))
        return reply(status=204)

    @routes.add("GET", f"{prefix}/users/{{user}}/roles/{{role}}", admin="identity:check_grant")
    async def check(call: Call) -> Response:
        _entry(call)
        return reply(status=204)

    @routes.add("DELETE", f"{prefix}/users/{{user}}/roles/{{role}}", admin="identity:revoke_grant")
    async def ungrant(call: Call) -> Response:
        call.cloud.identity.assignments.discard(_entry(call))
        return reply(status=204)

    def _entry(call: Call) -> tuple[str, str, str]:
        entry = (target_of(call), _user(call, "user").id, _role(call, "role").id)
        if entry not in call.cloud.identity.assignments:
            raise errors.not_found(
                f"Could not find role assignment with role: {entry[2]}, user or group: {entry[1]}, "
                f"project, domain, or system: {entry[0]}."
            )
        return entry


_assignable("/v3/projects/{target}", _on_project)
_assignable("/v3/domains/{target}", _on_domain)
_assignable("/v3/system", _on_system)


@routes.add("GET", "/v3/role_assignments")
async def list_assignments(call: Call) -> Response:
    """Who has which role where; a user sees the own ones, an administrator all."""
    identity, query = call.cloud.identity, call.query
    wanted_user = query.get("user.id")
    if not call.caller.is_admin and wanted_user != call.caller.user_id:
        raise _forbidden("identity:list_role_assignments")
    named = "include_names" in query and query["include_names"].lower() not in {"0", "false"}
    views = []
    for target, user_id, role_id in sorted(identity.assignments):
        if wanted_user not in (None, user_id) or query.get("role.id") not in (None, role_id):
            continue
        kind = "system" if target == SYSTEM else "domain" if target in identity.domains else "project"
        asked = [name for name in ("scope.project.id", "scope.domain.id", "scope.system") if name in query]
        if asked and (kind != asked[0].split(".")[1] or (kind != "system" and query[asked[0]] != target)):
            continue
        views.append(_assignment_view(call, kind, target, user_id, role_id, named))
    address = f"{call.cloud.url}/identity/v3/role_assignments"
    return reply({"role_assignments": views, "links": {"next": None, "self": address, "previous": None}})


def _assignment_view(call: Call, kind: str, target: str, user_id: str, role_id: str, named: bool) -> Json:
    identity = call.cloud.identity
    user, role = identity.users[user_id], identity.roles[role_id]
    who: Json = {"id": user_id}
    what: Json = {"id": role_id}
    where: Json = {"all": True} if kind == "system" else {"id": target}
    if named:
        domain = identity.domains[user.domain_id]
        who |= {"name": user.name, "domain": {"id": domain.id, "name": domain.name}}
        what["name"] = role.name
        if kind == "project":
            project = identity.projects[target]
            owner = identity.domains[project.domain_id]
            where |= {"name": project.name, "domain": {"id": owner.id, "name": owner.name}}
        elif kind == "domain":
            where["name"] = identity.domains[target].name
    link = f"{call.cloud.url}/identity/v3/{kind}s/{target}/users/{user_id}/roles/{role_id}"
    return {"scope": {kind: where}, "user": who, "role": what, "links": {"assignment": link}}


# The catalog as resources


@routes.add("GET", "/v3/services", admin="identity:list_services")
async def list_services(call: Call) -> Response:
    """The services of this cloud, which are fixed."""
    views = [
        {
            "id": stable_id("service", kind),
            "name": name,
            "type": kind,
            "enabled": True,
            "description": "",
            "links": _links(call, "services", stable_id("service", kind)),
        }
        for name, kind, _ in ENDPOINTS
    ]
    return _listing(call, "services", views)


@routes.add("GET", "/v3/endpoints", admin="identity:list_endpoints")
async def list_endpoints(call: Call) -> Response:
    """Their addresses."""
    views = [
        {
            "id": endpoint["id"],
            "service_id": service["id"],
            "interface": endpoint["interface"],
            "region": REGION,
            "region_id": REGION,
            "url": endpoint["url"],
            "enabled": True,
            "links": _links(call, "endpoints", endpoint["id"]),
        }
        for service in catalog(call.cloud.url, "$(project_id)s")
        for endpoint in service["endpoints"]
    ]
    return _listing(call, "endpoints", views)


@routes.add("GET", "/v3/regions")
async def list_regions(call: Call) -> Response:
    """The one region."""
    return _listing(call, "regions", [_region(call)])


@routes.add("GET", "/v3/regions/{id}")
async def show_region(call: Call) -> Response:
    """The one region."""
    if call.params["id"] != REGION:
        raise _missing("region", call.params["id"])
    return reply({"region": _region(call)})


def _region(call: Call) -> Json:
    return {
        "id": REGION,
        "description": "",
        "parent_region_id": None,
        "links": _links(call, "regions", REGION),
    }


for _kind, _find in (("services", list_services), ("endpoints", list_endpoints)):

    def _showing(kind: str, listing: Callable[[Call], object]) -> None:
        del listing
        single = kind[:-1]

        @routes.add("GET", f"/v3/{kind}/{{id}}", admin=f"identity:get_{single}")
        async def show(call: Call) -> Response:
            for service in catalog(call.cloud.url, "$(project_id)s"):
                if kind == "services" and service["id"] == call.params["id"]:
                    found = {name: service[name] for name in ("id", "name", "type")}
                    return reply({"service": found | {"enabled": True, "description": ""}})
                for endpoint in service["endpoints"]:
                    if kind == "endpoints" and endpoint["id"] == call.params["id"]:
                        return reply({"endpoint": endpoint | {"service_id": service["id"], "enabled": True}})
            raise _missing(single, call.params["id"])

    _showing(_kind, _find)

__all__ = ["SERVICE", "tokens"]
