"""Domains."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.keystone.common import (
    duplicate,
    forbidden,
    get_domain,
    links,
    listing,
)
from kb_tests.localcloud.keystone.state import (
    Domain,
    new_id,
)
from kb_tests.localcloud.keystone.tokens import routes


def _domain_view(call: Call, domain: Domain) -> Json:
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "options": {},
        "tags": [],
        "links": links(call, "domains", domain.id),
    }


@routes.add("GET", "/v3/domains", admin="identity:list_domains")
async def list_domains(call: Call) -> Response:
    """All domains."""
    return listing(
        call, "domains", [_domain_view(call, domain) for domain in call.cloud.identity.domains.values()]
    )


@routes.add("GET", "/v3/auth/domains")
async def list_own_domains(call: Call) -> Response:
    """The domains in which the caller has a role."""
    identity, user = call.cloud.identity, call.caller.user_id
    own = [domain for domain in identity.domains.values() if identity.role_ids(user, domain.id)]
    return listing(call, "domains", [_domain_view(call, domain) for domain in own])


@routes.add("GET", "/v3/domains/{id}")
async def show_domain(call: Call) -> Response:
    """One domain: that of the caller's project, or as an administrator any."""
    project = call.cloud.identity.projects.get(call.caller.project_id)
    if not call.caller.is_admin and (project is None or project.domain_id != call.params["id"]):
        raise forbidden("identity:get_domain")
    return reply({"domain": _domain_view(call, get_domain(call))})


@routes.add("POST", "/v3/domains", admin="identity:create_domain")
async def create_domain(call: Call) -> Response:
    """A new domain."""
    given = call.object("domain")
    name = text(given, "name", longest=64)
    if any(domain.name == name for domain in call.cloud.identity.domains.values()):
        raise duplicate("domain", name)
    domain = Domain(new_id(), name, text(given, "description", ""), truth(given.get("enabled"), True))
    call.cloud.identity.domains[domain.id] = domain
    return reply({"domain": _domain_view(call, domain)}, 201)


@routes.add("PATCH", "/v3/domains/{id}", admin="identity:update_domain")
async def update_domain(call: Call) -> Response:
    """Rename, describe, disable."""
    domain, given = get_domain(call), call.object("domain")
    domain.name = text(given, "name", domain.name, longest=64)
    domain.description = text(given, "description", domain.description)
    domain.enabled = truth(given.get("enabled"), domain.enabled)
    return reply({"domain": _domain_view(call, domain)})


@routes.add("DELETE", "/v3/domains/{id}", admin="identity:delete_domain")
async def delete_domain(call: Call) -> Response:
    """A disabled domain, with its projects and users."""
    domain, identity = get_domain(call), call.cloud.identity
    if domain.enabled:
        raise errors.forbidden("Cannot delete a domain that is enabled, please disable it first.")
    for project in [p for p in identity.projects.values() if p.domain_id == domain.id]:
        del identity.projects[project.id]
    for user in [u for u in identity.users.values() if u.domain_id == domain.id]:
        del identity.users[user.id]
    del identity.domains[domain.id]
    return reply(status=204)
