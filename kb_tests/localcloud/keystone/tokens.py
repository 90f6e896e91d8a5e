"""Authentication: POST, GET, HEAD and DELETE /v3/auth/tokens, and the catalog in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, not_found
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.keystone import sign_in
from kb_tests.localcloud.keystone.sign_in import denied, domain_id
from kb_tests.localcloud.keystone.state import SYSTEM, Identity, Project, Token, User
from kb_tests.localcloud.times import micros

if TYPE_CHECKING:
    from kb_tests.localcloud.cloud import Cloud

routes = Routes()

ENDPOINTS = (
    ("keystone", "identity", "/identity"),
    ("nova", "compute", "/compute/v2.1"),
    ("neutron", "network", "/networking"),
    ("glance", "image", "/image"),
    ("cinderv3", "volumev3", "/volume/v3/{project_id}"),
    ("cinder", "block-storage", "/volume/v3/{project_id}"),
)
"""Service name, service type, path of its endpoint."""


def stable_id(*words: str) -> str:
    """An id made of names, for catalog entries, which never change."""
    import uuid

    return uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)).hex


def catalog(cloud: Cloud, project_id: str) -> list[Json]:
    """The services with their three interfaces each in each region."""
    return [
        {
            "id": stable_id("service", kind),
            "type": kind,
            "name": name,
            "endpoints": [
                {
                    "id": stable_id("endpoint", region, kind, interface),
                    "interface": interface,
                    "region": region,
                    "region_id": region,
                    "url": cloud.keystone if kind == "identity" else url + path.format(project_id=project_id),
                }
                for region, url in cloud.regions.items()
                for interface in ("public", "internal", "admin")
            ],
        }
        for name, kind, path in ENDPOINTS
    ]


@routes.add("POST", "/v3/auth/tokens", public=True)
async def authenticate(call: Call) -> Response:
    """Scoped to a project, a domain, the system, or not at all; see `sign_in.METHODS` for the ways."""
    identity = call.cloud.identity
    auth = call.object("auth")
    proof = auth.get("identity")
    if not isinstance(proof, dict):
        raise bad_request("Expecting to find identity in auth.")
    user, methods, until, credential = sign_in.proven(identity, proof, auth.get("scope"))
    if credential is not None:
        project_id = target = credential.project_id
    else:
        project_id, target = _scope(identity, auth.get("scope"), user)
    if target and not identity.role_ids(user.id, target):
        raise denied()
    token = identity.issue(
        user, project_id, target, methods, until, None if credential is None else credential.id
    )
    return reply(
        {"token": view(call.cloud, token)}, 201, {"X-Subject-Token": token.id, "Vary": "X-Auth-Token"}
    )


def _scope(identity: Identity, scope: object, user: User) -> tuple[str, str]:
    """Project id (or empty) and the target of the roles."""
    if scope == "unscoped":
        return "", ""
    if not isinstance(scope, dict):
        default = identity.projects.get(user.default_project_id or "")
        if default is None or not identity.role_ids(user.id, default.id):
            return "", ""
        return default.id, default.id
    if "system" in scope:
        return "", SYSTEM
    if isinstance(scope.get("project"), dict):
        project = _project(identity, scope["project"])
        if project is None or not project.enabled:
            raise denied()
        return project.id, project.id
    domain = domain_id(identity, scope.get("domain"))
    if domain is None or domain not in identity.domains:
        raise denied()
    return "", domain


def _project(identity: Identity, given: Json) -> Project | None:
    if "id" in given:
        return identity.projects.get(str(given["id"]))
    domain = domain_id(identity, given.get("domain"))
    found = (p for p in identity.projects.values() if p.name == given.get("name") and p.domain_id == domain)
    return next(found, None)


def view(cloud: Cloud, token: Token) -> Json:
    """The body of a token."""
    identity = cloud.identity
    user = identity.users[token.user_id]
    body: Json = {
        "methods": list(token.methods),
        "user": {
            "domain": _named(identity, user.domain_id),
            "id": user.id,
            "name": user.name,
            "password_expires_at": None,
        },
        "audit_ids": [token.audit_id],
        "expires_at": micros(token.expires) + "Z",
        "issued_at": micros(token.issued) + "Z",
    }
    if not token.target:
        return body
    if token.project_id:
        project = identity.projects[token.project_id]
        body["project"] = {
            "domain": _named(identity, project.domain_id),
            "id": project.id,
            "name": project.name,
        }
        body["is_domain"] = False
    elif token.target == SYSTEM:
        body["system"] = {"all": True}
    else:
        body["domain"] = _named(identity, token.target)
    held = identity.held(token)
    if token.credential is not None:
        credential = identity.app_credentials[token.credential]
        body["application_credential"] = {
            "id": credential.id,
            "name": credential.name,
            "restricted": not credential.unrestricted,
        }
    body["roles"] = [{"id": role, "name": identity.roles[role].name} for role in sorted(held)]
    body["catalog"] = catalog(cloud, token.project_id)
    return body


def _named(identity: Identity, domain_id: str) -> Json:
    return {"id": domain_id, "name": identity.domains[domain_id].name}


@routes.add("GET", "/v3/auth/tokens")
async def validate(call: Call) -> Response:
    """Show the token in X-Subject-Token: one's own, or as an administrator any."""
    token = _subject(call)
    return reply({"token": view(call.cloud, token)}, headers={"X-Subject-Token": token.id})


@routes.add("DELETE", "/v3/auth/tokens")
async def revoke(call: Call) -> Response:
    """End the token in X-Subject-Token."""
    del call.cloud.identity.tokens[_subject(call).id]
    return reply(status=204)


def _subject(call: Call) -> Token:
    token = call.cloud.identity.token(call.request.headers.get("x-subject-token", ""))
    if token is None or (token.user_id != call.caller.user_id and not call.caller.is_admin):
        raise not_found("Could not find token.")
    return token


@routes.add("GET", "/v3/auth/catalog")
async def show_catalog(call: Call) -> Response:
    """The catalog of the caller's scope."""
    return reply({"catalog": catalog(call.cloud, call.caller.project_id)})
