"""Unified limits: what a service has registered as the limit of projects, and projects that have another."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, objects, reply, text, whole
from kb_tests.localcloud.keystone.common import forbidden, links, listing, missing
from kb_tests.localcloud.keystone.state import Limit, RegisteredLimit, new_id
from kb_tests.localcloud.keystone.tokens import ENDPOINTS, routes, stable_id


def _registered_view(call: Call, limit: RegisteredLimit) -> Json:
    return {
        "id": limit.id,
        "service_id": limit.service_id,
        "region_id": limit.region_id,
        "resource_name": limit.resource_name,
        "default_limit": limit.default_limit,
        "description": limit.description,
        "links": links(call, "registered_limits", limit.id),
    }


def _view(call: Call, limit: Limit) -> Json:
    registered = call.cloud.identity.registered_limits[limit.registered_id]
    return {
        "id": limit.id,
        "service_id": registered.service_id,
        "region_id": registered.region_id,
        "resource_name": registered.resource_name,
        "resource_limit": limit.resource_limit,
        "project_id": limit.project_id,
        "domain_id": None,
        "description": limit.description,
        "links": links(call, "limits", limit.id),
    }


def _get_registered(call: Call) -> RegisteredLimit:
    found = call.cloud.identity.registered_limits.get(call.params["id"])
    if found is None:
        raise missing("registered limit for", call.params["id"])
    return found


def _registered(call: Call, given: Json) -> RegisteredLimit | None:
    """The one of a service, region and resource."""
    wanted = (given.get("service_id"), given.get("region_id"), given.get("resource_name"))
    for limit in call.cloud.identity.registered_limits.values():
        if (limit.service_id, limit.region_id, limit.resource_name) == wanted:
            return limit
    return None


@routes.add("GET", "/v3/limits/model")
async def show_model(call: Call) -> Response:
    """A project's limit is its own: it takes nothing from another's."""
    del call
    about = "Limit enforcement and validation does not take project hierarchy into consideration."
    return reply({"model": {"name": "flat", "description": about}})


@routes.add("GET", "/v3/registered_limits")
async def list_registered(call: Call) -> Response:
    """Everybody may see them."""
    found = call.cloud.identity.registered_limits.values()
    return listing(call, "registered_limits", [_registered_view(call, limit) for limit in found])


@routes.add("GET", "/v3/registered_limits/{id}")
async def show_registered(call: Call) -> Response:
    """One of them."""
    return reply({"registered_limit": _registered_view(call, _get_registered(call))})


@routes.add("POST", "/v3/registered_limits", admin="identity:create_registered_limits")
async def create_registered(call: Call) -> Response:
    """Several."""
    made = []
    for given in objects(call.body, "registered_limits"):
        region, service = given.get("region_id"), text(given, "service_id")
        if service not in {stable_id("service", kind) for _, kind, _ in ENDPOINTS}:
            raise errors.bad_request("Expecting to find service_id in registered_limit.")
        if region is not None and region not in call.cloud.regions:
            raise errors.bad_request("Expecting to find region_id in registered_limit.")
        if _registered(call, given) is not None:
            raise errors.conflict("Conflict occurred attempting to store registered_limit - Duplicate entry.")
        limit = RegisteredLimit(
            new_id(),
            service,
            region,
            text(given, "resource_name"),
            whole(given, "default_limit", least=-1),
            text(given, "description", ""),
        )
        call.cloud.identity.registered_limits[limit.id] = limit
        made.append(_registered_view(call, limit))
    return reply({"registered_limits": made}, 201)


def _must_be_unused(call: Call, limit: RegisteredLimit) -> None:
    if any(each.registered_id == limit.id for each in call.cloud.identity.limits.values()):
        raise errors.forbidden(
            f"Unable to update or delete registered limit {limit.id} because there are project limits "
            "associated with it."
        )


@routes.add("PATCH", "/v3/registered_limits/{id}", admin="identity:update_registered_limit")
async def update_registered(call: Call) -> Response:
    """Another default; not while a project has a limit of its own."""
    limit, given = _get_registered(call), call.object("registered_limit")
    _must_be_unused(call, limit)
    limit.default_limit = whole(given, "default_limit", limit.default_limit, least=-1)
    limit.description = text(given, "description", limit.description)
    return reply({"registered_limit": _registered_view(call, limit)})


@routes.add("DELETE", "/v3/registered_limits/{id}", admin="identity:delete_registered_limit")
async def delete_registered(call: Call) -> Response:
    """One less; not while a project has a limit of its own."""
    limit = _get_registered(call)
    _must_be_unused(call, limit)
    del call.cloud.identity.registered_limits[limit.id]
    return reply(status=204)


def _sees(call: Call, limit: Limit) -> bool:
    return call.caller.sees(limit.project_id)


@routes.add("GET", "/v3/limits")
async def list_limits(call: Call) -> Response:
    """Those of the caller's project; an administrator's are all."""
    found = [limit for limit in call.cloud.identity.limits.values() if _sees(call, limit)]
    return listing(call, "limits", [_view(call, limit) for limit in found])


def _get(call: Call) -> Limit:
    found = call.cloud.identity.limits.get(call.params["id"])
    if found is None:
        raise missing("limit for", call.params["id"])
    return found


@routes.add("GET", "/v3/limits/{id}")
async def show_limit(call: Call) -> Response:
    """One of them."""
    limit = _get(call)
    if not _sees(call, limit):
        raise forbidden("identity:get_limit")
    return reply({"limit": _view(call, limit)})


@routes.add("POST", "/v3/limits", admin="identity:create_limits")
async def create_limits(call: Call) -> Response:
    """Several, of what is registered."""
    identity, made = call.cloud.identity, []
    for given in objects(call.body, "limits"):
        project = text(given, "project_id")
        if project not in identity.projects:
            raise errors.bad_request("Expecting to find project_id in limit.")
        registered = _registered(call, given)
        if registered is None:
            raise errors.forbidden("Unable to create a limit that has no corresponding registered limit.")
        if any((each.registered_id, each.project_id) == (registered.id, project)
               for each in identity.limits.values()):  # fmt: skip
            raise errors.conflict("Conflict occurred attempting to store limit - Duplicate entry.")
        most = whole(given, "resource_limit", least=-1)
        limit = Limit(new_id(), registered.id, project, most, text(given, "description", ""))
        identity.limits[limit.id] = limit
        made.append(_view(call, limit))
    return reply({"limits": made}, 201)


@routes.add("PATCH", "/v3/limits/{id}", admin="identity:update_limit")
async def update_limit(call: Call) -> Response:
    """Another one."""
    limit, given = _get(call), call.object("limit")
    limit.resource_limit = whole(given, "resource_limit", limit.resource_limit, least=-1)
    limit.description = text(given, "description", limit.description)
    return reply({"limit": _view(call, limit)})


@routes.add("DELETE", "/v3/limits/{id}", admin="identity:delete_limit")
async def delete_limit(call: Call) -> Response:
    """Back to what is registered."""
    del call.cloud.identity.limits[_get(call).id]
    return reply(status=204)
