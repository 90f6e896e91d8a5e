"""Application credentials, and the keys of one-time passcodes."""

from __future__ import annotations

import secrets
from datetime import datetime

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, objects, reply, text, truth
from kb_tests.localcloud.keystone.common import (
    duplicate,
    forbidden,
    get_user,
    links,
    listing,
    missing,
)
from kb_tests.localcloud.keystone.state import AppCredential, Credential, new_id
from kb_tests.localcloud.keystone.tokens import routes
from kb_tests.localcloud.times import micros, now

_OWN = "/v3/users/{id}/application_credentials"


def _view(call: Call, credential: AppCredential) -> Json:
    identity = call.cloud.identity
    held = [identity.roles[role] for role in sorted(credential.roles) if role in identity.roles]
    return {
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "project_id": credential.project_id,
        "user_id": credential.user_id,
        "expires_at": None if credential.expires is None else micros(credential.expires),
        "unrestricted": credential.unrestricted,
        "roles": [{"id": role.id, "name": role.name, "domain_id": role.domain_id} for role in held],
        "system": None,
        "links": links(call, f"users/{credential.user_id}/application_credentials", credential.id),
    }


def _must_be_oneself(call: Call, rule: str, *, admin: bool = False) -> None:
    user = get_user(call)
    if user.id != call.caller.user_id and not (admin and call.caller.is_admin):
        raise forbidden(rule)


def _must_be_unrestricted(call: Call) -> None:
    """A restricted credential makes and removes no credentials."""
    token = call.cloud.identity.tokens[call.caller.token]
    credential = call.cloud.identity.app_credentials.get(token.credential or "")
    if credential is not None and not credential.unrestricted:
        raise forbidden(
            "Using method 'application_credential' is not allowed for managing additional application "
            "credentials"
        )


@routes.add("GET", _OWN)
async def list_own(call: Call) -> Response:
    """The user's."""
    _must_be_oneself(call, "identity:list_application_credentials", admin=True)
    own = (each for each in call.cloud.identity.app_credentials.values() if each.user_id == call.params["id"])
    return listing(call, "application_credentials", [_view(call, each) for each in own])


@routes.add("POST", _OWN)
async def create(call: Call) -> Response:
    """A new one, of the project that the token is of; the secret is shown this once."""
    _must_be_unrestricted(call)
    _must_be_oneself(call, "Cannot create an application credential for another user.")
    given, identity = call.object("application_credential"), call.cloud.identity
    name, user_id = text(given, "name"), call.caller.user_id
    if any((each.user_id, each.name) == (user_id, name) for each in identity.app_credentials.values()):
        raise duplicate("application_credential", name)
    if not call.caller.project_id:
        raise errors.bad_request("An application credential is of a project: sign in to one.")
    secret = text(given, "secret", secrets.token_urlsafe(64), longest=4096)
    credential = AppCredential(
        id=new_id(),
        name=name,
        description=text(given, "description", "", longest=4096),
        user_id=user_id,
        project_id=call.caller.project_id,
        secret=identity.hashed(secret),
        roles=_roles(call, given),
        unrestricted=truth(given.get("unrestricted")),
        expires=_expiry(given.get("expires_at")),
    )
    identity.app_credentials[credential.id] = credential
    return reply({"application_credential": _view(call, credential) | {"secret": secret}}, 201)


def _roles(call: Call, given: Json) -> frozenset[str]:
    """Those asked for, with what they imply; else all that the caller has."""
    identity = call.cloud.identity
    held = identity.held(identity.tokens[call.caller.token])
    asked = objects(given, "roles")
    if not asked:
        return frozenset(held)
    chosen = set()
    for each in asked:
        named = (role.id for role in identity.roles.values() if each.get("name") == role.name)
        chosen.add(str(each.get("id") or next(named, "")))
    if not chosen <= held:
        raise errors.bad_request(
            "Invalid application credential: Cannot create an application credential with unassigned role"
        )
    return frozenset(identity.with_implied(chosen))


def _expiry(given: object) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(str(given).replace("Z", "+00:00"))
    except ValueError:
        raise errors.bad_request(f"Invalid input for field 'expires_at': {given!r} is no date.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now().tzinfo)


def _find(call: Call) -> AppCredential:
    found = call.cloud.identity.app_credentials.get(call.params["credential"])
    if found is None or found.user_id != call.params["id"]:
        raise missing("Application Credential", call.params["credential"])
    return found


@routes.add("GET", _OWN + "/{credential}")
async def show(call: Call) -> Response:
    """One of them."""
    _must_be_oneself(call, "identity:get_application_credential", admin=True)
    return reply({"application_credential": _view(call, _find(call))})


@routes.add("DELETE", _OWN + "/{credential}")
async def delete(call: Call) -> Response:
    """It, and the tokens that were got by it."""
    _must_be_unrestricted(call)
    _must_be_oneself(call, "identity:delete_application_credential", admin=True)
    del call.cloud.identity.app_credentials[_find(call).id]
    return reply(status=204)


# Credentials of the kind `totp`


@routes.add("GET", "/v3/credentials")
async def list_credentials(call: Call) -> Response:
    """The caller's; an administrator's are all."""
    found = [each for each in call.cloud.identity.credentials.values() if _sees(call, each)]
    return listing(call, "credentials", [_credential_view(call, each) for each in found])


def _sees(call: Call, credential: Credential) -> bool:
    return call.caller.is_admin or credential.user_id == call.caller.user_id


def _credential_view(call: Call, credential: Credential) -> Json:
    return {
        "id": credential.id,
        "type": credential.kind,
        "blob": credential.blob,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "links": links(call, "credentials", credential.id),
    }


@routes.add("POST", "/v3/credentials")
async def create_credential(call: Call) -> Response:
    """A new one: of the type `totp` its blob is a key in base32."""
    given = call.object("credential")
    user_id = text(given, "user_id", call.caller.user_id)
    if user_id != call.caller.user_id and not call.caller.is_admin:
        raise forbidden("identity:create_credential")
    blob = text(given, "blob", longest=4096)
    credential = Credential(new_id(), text(given, "type"), blob, user_id, given.get("project_id"))
    call.cloud.identity.credentials[credential.id] = credential
    return reply({"credential": _credential_view(call, credential)}, 201)


def _get_credential(call: Call) -> Credential:
    found = call.cloud.identity.credentials.get(call.params["id"])
    if found is None or not _sees(call, found):
        raise missing("credential", call.params["id"])
    return found


@routes.add("GET", "/v3/credentials/{id}")
async def show_credential(call: Call) -> Response:
    """One of them."""
    return reply({"credential": _credential_view(call, _get_credential(call))})


@routes.add("DELETE", "/v3/credentials/{id}")
async def delete_credential(call: Call) -> Response:
    """One less."""
    del call.cloud.identity.credentials[_get_credential(call).id]
    return reply(status=204)
