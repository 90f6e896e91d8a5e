"""Projects and their tags."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.keystone.common import (
    forbidden,
    get_project,
    in_managed,
    links,
    listing,
    missing,
    must_manage,
)
from kb_tests.localcloud.keystone.state import (
    DEFAULT_DOMAIN,
    Project,
)
from kb_tests.localcloud.keystone.tokens import routes


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
        "links": links(call, "projects", project.id),
    }


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
    seen = [each for each in projects if call.caller.is_admin or in_managed(call, each.domain_id)]
    return listing(call, "projects", [_project_view(call, project) for project in seen])


async def _own_projects(call: Call) -> Response:
    identity = call.cloud.identity
    user = call.params.get("id", call.caller.user_id)
    if user != call.caller.user_id and not call.caller.is_admin:
        raise forbidden("identity:list_user_projects")
    own = [project for project in identity.projects.values() if identity.role_ids(user, project.id)]
    return listing(call, "projects", [_project_view(call, project) for project in own])


routes.add("GET", "/v3/auth/projects")(_own_projects)
routes.add("GET", "/v3/users/{id}/projects")(_own_projects)


@routes.add("GET", "/v3/projects/{id}")
async def show_project(call: Call) -> Response:
    """One project: the caller's, or as an administrator any."""
    project = call.cloud.identity.projects.get(call.params["id"])
    managed = project is not None and in_managed(call, project.domain_id)
    if not managed and not call.caller.sees(call.params["id"]):
        raise forbidden("identity:get_project")
    return reply({"project": _project_view(call, get_project(call))})


@routes.add("POST", "/v3/projects", admin="identity:create_project")
async def create_project(call: Call) -> Response:
    """A new project."""
    given, identity = call.object("project"), call.cloud.identity
    name = text(given, "name", longest=64)
    parent = text(given, "parent_id", "")
    domain_id = text(given, "domain_id", DEFAULT_DOMAIN)
    if domain_id not in identity.domains:
        raise missing("domain", domain_id)
    must_manage(call, domain_id, "identity:create_project")
    _check_project_name(call, name, domain_id)
    tags = _tags(given)
    project = identity.add_project(name, text(given, "description", "", longest=4096), domain_id)
    project.enabled = truth(given.get("enabled"), True)
    project.parent_id = parent or domain_id
    project.tags = tags
    project.options = dict(given.get("options") or {})
    return reply({"project": _project_view(call, project)}, 201)


@routes.add("PATCH", "/v3/projects/{id}", admin="identity:update_project")
async def update_project(call: Call) -> Response:
    """Rename, describe, enable or disable."""
    project, given = get_project(call), call.object("project")
    must_manage(call, project.domain_id, "identity:update_project")
    name = text(given, "name", project.name, longest=64)
    _check_project_name(call, name, project.domain_id, project.id)
    tags = _tags(given) if "tags" in given else project.tags
    project.name = name
    project.description = text(given, "description", project.description, longest=4096)
    project.enabled = truth(given.get("enabled"), project.enabled)
    project.tags = tags
    return reply({"project": _project_view(call, project)})


@routes.add("DELETE", "/v3/projects/{id}", admin="identity:delete_project")
async def delete_project(call: Call) -> Response:
    """The project, its assignments and limits; what it owns in other services stays, as with Keystone."""
    project, identity = get_project(call), call.cloud.identity
    must_manage(call, project.domain_id, "identity:delete_project")
    del identity.projects[project.id]
    identity.assignments = {entry for entry in identity.assignments if entry[0] != project.id}
    identity.limits = {key: kept for key, kept in identity.limits.items() if kept.project_id != project.id}
    return reply(status=204)


def _tags(given: Json) -> list[str]:
    tags = given.get("tags", [])
    if not isinstance(tags, list):
        raise errors.bad_request("Invalid input for field 'tags': it is not of type 'array'")
    return [str(tag) for tag in tags]


@routes.add("GET", "/v3/projects/{id}/tags")
async def list_project_tags(call: Call) -> Response:
    """The tags of a project."""
    if not call.caller.sees(call.params["id"]):
        raise forbidden("identity:list_project_tags")
    return reply({"tags": get_project(call).tags, "links": {}})


@routes.add("PUT", "/v3/projects/{id}/tags", admin="identity:update_project_tags")
async def replace_project_tags(call: Call) -> Response:
    """Other tags."""
    project = get_project(call)
    project.tags = _tags(call.body)
    return reply({"tags": project.tags, "links": {}})
