"""What the calls of all network resources share: finding, showing, checking, quotas."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import ApiError, bad_request, conflict, forbidden, not_found
from kb_tests.localcloud.api.filters import keep, pick
from kb_tests.localcloud.api.paging import next_link, page
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.neutron.state import Resource
from kb_tests.localcloud.times import seconds

routes = Routes()

R = TypeVar("R", bound=Resource)

UNLIMITED_PAGE = 10**9
"""Neutron pages only when it is asked to."""


def common_view(resource: Resource) -> Json:
    """The fields that every resource has."""
    return {
        "id": resource.id,
        "name": resource.name,
        "tenant_id": resource.project_id,
        "project_id": resource.project_id,
        "description": resource.description,
        "tags": list(resource.tags),
        "created_at": seconds(resource.created),
        "updated_at": seconds(resource.updated),
        "revision_number": resource.revision,
    }


def listing(call: Call, kind: str, views: Iterable[Json], hidden: str = "") -> Response:
    """Filtered, sorted, paged, with the fields asked for. `hidden` may be filtered by, but is not shown."""
    found, marker = page(keep(views, call.query), call.query, UNLIMITED_PAGE)
    for view in found:
        view.pop(hidden, None)
    body: Json = {kind: [pick(view, call.query) for view in found]}
    if marker is not None:
        href = next_link(call.cloud.url + call.request.url.path, call.query, marker)
        body[f"{kind}_links"] = [{"rel": "next", "href": href}]
    return reply(body)


def missing(kind: str, identifier: str) -> ApiError:
    """404 in Neutron's words."""
    words = {"Floatingip": "Floating IP", "SecurityGroup": "Security group"}.get(kind, kind)
    sentence = {
        "Floatingip": f"Floating IP {identifier} could not be found",
        "SecurityGroup": f"Security group {identifier} does not exist",
        "DefaultSecurityGroupRule": f"Default security group rule {identifier} does not exist",
        "SecurityGroupRule": f"Security group rule {identifier} does not exist",
        "Router": f"Router {identifier} could not be found",
    }.get(kind, f"{words} {identifier} could not be found.")
    name = "FloatingIP" if kind == "Floatingip" else kind
    return not_found(sentence, f"{name}NotFound")


def find(
    table: dict[str, R], kind: str, identifier: str, call: Call, visible: Callable[[R], bool] | None = None
) -> R:
    """The resource of this id, if the caller may see it: by default its owner or an administrator.

    Raises:
        ApiError: 404.

    """
    resource = table.get(identifier)
    if resource is None:
        raise missing(kind, identifier)
    if not (call.caller.sees(resource.project_id) or (visible is not None and visible(resource))):
        raise missing(kind, identifier)
    return resource


def own(call: Call, resource: Resource, rule: str) -> None:
    """Refuse a change of what the caller sees but does not own.

    Raises:
        ApiError: 403.

    """
    if not call.caller.sees(resource.project_id):
        raise denied(rule)


def denied(rule: str) -> ApiError:
    """403 in Neutron's words."""
    return forbidden(f"rule:{rule} is disallowed by policy", "PolicyNotAuthorized")


def admin_only(call: Call, given: Json, rule: str, *names: str) -> None:
    """Attributes that only an administrator may give.

    Raises:
        ApiError: 403.

    """
    for name in names:
        if given.get(name) not in (None, False) and not call.caller.is_admin:
            raise forbidden(
                f"(rule:{rule} and rule:{rule}:{name}) is disallowed by policy", "PolicyNotAuthorized"
            )


def project_of(call: Call, given: Json) -> str:
    """Whose the new resource will be.

    Raises:
        ApiError: 400, another's, and the caller is no administrator.

    """
    project_id = given.get("project_id") or given.get("tenant_id") or call.caller.project_id
    if not call.caller.sees(project_id):
        raise bad_request(
            "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request "
            "requires admin privileges",
            "HTTPBadRequest",
        )
    return str(project_id)


def check_names(given: Json, allowed: frozenset[str]) -> None:
    """Attributes that exist.

    Raises:
        ApiError: 400.

    """
    unknown = sorted(set(given) - allowed - {"tenant_id", "project_id"})
    if unknown:
        raise bad_request(f"Unrecognized attribute(s) '{', '.join(unknown)}'", "HTTPBadRequest")


def check_quota(call: Call, kind: str, project_id: str, more: int = 1) -> None:
    """Room for `more` of a kind.

    Raises:
        ApiError: 409, over the quota.

    """
    networking = call.cloud.networking
    limit = networking.limit(kind, project_id)
    if limit >= 0 and networking.used(kind, project_id) + more > limit:
        raise conflict(f"Quota exceeded for resources: ['{kind}'].", "OverQuota")


def invalid(message: str) -> ApiError:
    """400 in Neutron's words."""
    return bad_request(f"Invalid input for operation: {message}.", "InvalidInput")


def string(given: Json, name: str, default: str = "") -> str:
    """A text attribute.

    Raises:
        ApiError: 400.

    """
    value = given.get(name, default)
    if not isinstance(value, str):
        raise bad_request(
            f"Invalid input for {name}. Reason: '{value}' is not a valid string.", "HTTPBadRequest"
        )
    if len(value) > 255:
        raise bad_request(
            f"Invalid input for {name}. Reason: '{value}' exceeds maximum length of 255.", "HTTPBadRequest"
        )
    return value


def entry(call: Call, name: str) -> Json:
    """The object `name` of the body.

    Raises:
        ApiError: 400.

    """
    found = call.body.get(name)
    if not isinstance(found, dict):
        raise bad_request(f"Unable to find '{name}' in request body", "HTTPBadRequest")
    return found


def bulk(call: Call, single: str) -> list[Json] | None:
    """The bodies of a bulk creation (`networks: [...]`), or None for a single one."""
    several = call.body.get(f"{single}s")
    if several is None:
        return None
    if not isinstance(several, list) or not all(isinstance(each, dict) for each in several):
        raise bad_request(f"Invalid input for {single}s.", "HTTPBadRequest")
    return several
