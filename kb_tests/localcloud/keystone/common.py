"""What the calls of all identity resources share: finding, linking, listing, saying no."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import ApiError
from kb_tests.localcloud.api.filters import keep
from kb_tests.localcloud.api.policies import manages_domain
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.keystone.state import Domain, Group, Project, Role, User
from kb_tests.localcloud.keystone.tokens import routes

SERVICE = Service(
    "keystone",
    "identity",
    routes,
    errors.keystone,
    "You are not authorized to perform the requested action: {rule}.",
)


def links(call: Call, kind: str, identifier: str) -> Json:
    """The address of a resource."""
    return {"self": f"{call.cloud.url}/identity/v3/{kind}/{identifier}"}


def listing(call: Call, kind: str, views: list[Json], ignore: frozenset[str] = frozenset()) -> Response:
    """A whole list, filtered: Keystone does not page these."""
    found = keep(views, call.query, ignore)
    address = f"{call.cloud.url}/identity/v3/{kind}"
    return reply({kind: found, "links": {"next": None, "self": address, "previous": None}})


def missing(kind: str, identifier: str) -> ApiError:
    """404 in Keystone's words."""
    return errors.not_found(f"Could not find {kind}: {identifier}.")


def duplicate(kind: str, name: str) -> ApiError:
    """409 in Keystone's words."""
    return errors.conflict(
        f"Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}."
    )


def forbidden(rule: str) -> ApiError:
    """403 in Keystone's words."""
    return errors.forbidden(SERVICE.denied.format(rule=rule))


def must_manage(call: Call, domain_id: str, rule: str) -> None:
    """Only an administrator, or the domain's manager, may.

    Raises:
        ApiError: 403.

    """
    if not call.caller.is_admin and not in_managed(call, domain_id):
        raise forbidden(rule)


def in_managed(call: Call, domain_id: str) -> bool:
    """Whether the caller is the domain's manager."""
    return domain_id == call.caller.domain_id and manages_domain(call.cloud.settings, call.caller)


def get_domain(call: Call) -> Domain:
    """The domain whose id is in the path.

    Raises:
        ApiError: 404.

    """
    domain = call.cloud.identity.domains.get(call.params["id"])
    if domain is None:
        raise missing("domain", call.params["id"])
    return domain


def get_project(call: Call, name: str = "id") -> Project:
    """The project whose id is in the path.

    Raises:
        ApiError: 404.

    """
    project = call.cloud.identity.projects.get(call.params[name])
    if project is None:
        raise missing("project", call.params[name])
    return project


def get_user(call: Call, name: str = "id") -> User:
    """The user whose id is in the path.

    Raises:
        ApiError: 404.

    """
    user = call.cloud.identity.users.get(call.params[name])
    if user is None:
        raise missing("user", call.params[name])
    return user


def get_role(call: Call, name: str = "id") -> Role:
    """The role whose id is in the path.

    Raises:
        ApiError: 404.

    """
    role = call.cloud.identity.roles.get(call.params[name])
    if role is None:
        raise missing("role", call.params[name])
    return role


def get_group(call: Call, name: str = "id") -> Group:
    """The group whose id is in the path.

    Raises:
        ApiError: 404.

    """
    group = call.cloud.identity.groups.get(call.params[name])
    if group is None:
        raise missing("group", call.params[name])
    return group
