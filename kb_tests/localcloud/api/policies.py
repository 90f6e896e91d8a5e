"""Who may do what, by roles: the rules that are the same for all calls of a service."""

from __future__ import annotations

from kb_tests.localcloud.api.call import Caller
from kb_tests.localcloud.api.routes import Route
from kb_tests.localcloud.settings import Policies, Settings

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}

_RULES = {
    "nova": "os_compute_api:{kinds}:{verb}",
    "neutron": "{verb}_{kind}",
    "glance": "{verb}_{kind}",
    "cinder": "{kind}:{verb}",
}
"""How the services name the rule of a call that changes something of a project."""

_READERS_TOO = ("nova", "os-keypairs")

_OF_DOMAIN_MANAGERS = (
    "identity:list_projects", "identity:create_project", "identity:update_project", "identity:delete_project",
    "identity:list_users", "identity:create_user", "identity:update_user", "identity:delete_user",
    "identity:list_grants", "identity:create_grant", "identity:check_grant", "identity:revoke_grant",
    "identity:list_roles", "identity:get_role",
)  # fmt: skip
"""What Keystone lets the manager of a domain do in that domain, which the handlers see to."""


def manages_domain(settings: Settings, caller: Caller) -> bool:
    """Whether the caller is the manager of the domain that the token is of."""
    return settings.policies is Policies.SECURE and bool(caller.domain_id) and "manager" in caller.roles


def refusal(settings: Settings, service: str, route: Route, caller: Caller) -> str | None:
    """The rule that forbids the call, or None."""
    if caller.is_admin:
        return None
    if route.admin is not None:
        if route.admin in _OF_DOMAIN_MANAGERS and manages_domain(settings, caller):
            return None
        return route.admin
    if settings.policies is Policies.LEGACY or service not in _RULES or route.method not in _VERBS:
        return None
    if caller.roles & {"member", "manager"} or (service, route.segments[1]) == _READERS_TOO:
        return None
    kinds = next(word for word in route.segments[1:] if not word.startswith("{"))
    kind = kinds.removesuffix("s").replace("-", "_")
    return _RULES[service].format(kinds=kinds, kind=kind, verb=_VERBS[route.method])
