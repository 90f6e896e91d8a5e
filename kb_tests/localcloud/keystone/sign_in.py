"""How users prove who they are: by password, passcode, token or application credential, or by several."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kb_tests.localcloud.api.call import Json
from kb_tests.localcloud.api.errors import ApiError, bad_request, forbidden
from kb_tests.localcloud.keystone import totp
from kb_tests.localcloud.keystone.state import AppCredential, Identity, User
from kb_tests.localcloud.times import now


@dataclass(frozen=True)
class Proof:
    """Who it is; `until` is the end of the token that was shown, `credential` what is behind the new one."""

    user: User
    until: datetime | None = None
    credential: AppCredential | None = None
    before: tuple[str, ...] = ()
    """The methods behind the token that was shown."""


Proven = tuple[User, tuple[str, ...], datetime | None, AppCredential | None]


def denied() -> ApiError:
    """401 in Keystone's words."""
    return ApiError(401, "The request you have made requires authentication.", "Unauthorized")


def proven(identity: Identity, given: Json, scope: object) -> Proven:
    """The user whom all the methods of a request prove, the methods, the latest end of a token, and the
    application credential behind it.

    Raises:
        ApiError: 401, something does not prove it; 400, the request makes no sense; 403, a token of an
            application credential is to be of another scope.

    """
    methods = given.get("methods")
    if not isinstance(methods, list) or not methods or not all(isinstance(each, str) for each in methods):
        raise bad_request(
            "Expecting to find methods in identity. The server could not comply with the request."
        )
    if "application_credential" in methods and scope is not None:
        raise ApiError(
            401,
            "Error authenticating with application credential: "
            "Application credentials cannot request a scope.",
        )
    proofs = []
    for method in methods:
        prove = METHODS.get(method)
        if prove is None:
            raise ApiError(401, "Attempted to authenticate with an unsupported method.")
        proofs.append(prove(identity, given))
    first = proofs[0]
    if any(proof.user.id != first.user.id for proof in proofs):
        raise denied()
    credential = next((proof.credential for proof in proofs if proof.credential), None)
    if credential is not None and isinstance(scope, dict):
        raise forbidden(
            "You are not authorized to perform the requested action: Using an application credential token "
            "to create a scoped token is not allowed."
        )
    used = tuple(dict.fromkeys([*methods, *(name for proof in proofs for name in proof.before)]))
    _meet_rules(first.user, used)
    until = next((proof.until for proof in proofs if proof.until), None)
    return first.user, used, until, credential


def _meet_rules(user: User, used: tuple[str, ...]) -> None:
    """A user's own rules may ask for several methods at once."""
    rules = user.options.get("multi_factor_auth_rules")
    if not user.options.get("multi_factor_auth_enabled", True) or not isinstance(rules, list) or not rules:
        return
    if not any(set(rule) <= set(used) for rule in rules if isinstance(rule, list)):
        raise ApiError(401, "Additional authentications steps required.")


def domain_id(identity: Identity, given: object) -> str | None:
    """The id of a domain that is given by id or name."""
    if not isinstance(given, dict):
        return None
    if "id" in given:
        return str(given["id"])
    return next((d.id for d in identity.domains.values() if d.name == given.get("name")), None)


def _user(identity: Identity, who: Json) -> User | None:
    if "id" in who:
        return identity.users.get(str(who["id"]))
    domain = domain_id(identity, who.get("domain"))
    found = (u for u in identity.users.values() if u.name == who.get("name") and u.domain_id == domain)
    return next(found, None)


def _claimed(given: Json, method: str, secret: str) -> tuple[Json, str]:
    part = given.get(method)
    who = part.get("user") if isinstance(part, dict) else None
    if not isinstance(who, dict) or not isinstance(who.get(secret), str):
        raise bad_request(
            f"Expecting to find user in {method}. The server could not comply with the request."
        )
    return who, who[secret]


def _by_password(identity: Identity, given: Json) -> Proof:
    who, password = _claimed(given, "password", "password")
    user = _user(identity, who)
    if user is None or not user.enabled or user.password is None:
        raise denied()
    if not hmac.compare_digest(user.password, identity.hashed(password)):
        raise denied()
    return Proof(user)


def _by_passcode(identity: Identity, given: Json) -> Proof:
    who, code = _claimed(given, "totp", "passcode")
    user = _user(identity, who)
    if user is None or not user.enabled:
        raise denied()
    own = (each for each in identity.credentials.values() if (each.user_id, each.kind) == (user.id, "totp"))
    if not any(totp.matches(each.blob, code, time.time()) for each in own):
        raise denied()
    return Proof(user)


def _by_token(identity: Identity, given: Json) -> Proof:
    part = given.get("token")
    old = identity.token(part.get("id", "") if isinstance(part, dict) else "")
    if old is None:
        raise denied()
    credential = identity.app_credentials.get(old.credential or "")
    return Proof(identity.users[old.user_id], old.expires, credential, old.methods)


def _by_application_credential(identity: Identity, given: Json) -> Proof:
    part = given.get("application_credential")
    if not isinstance(part, dict) or not isinstance(part.get("secret"), str):
        raise bad_request("Expecting to find application_credential in identity.")
    if "id" in part:
        credential = identity.app_credentials.get(str(part["id"]))
    else:
        who = part.get("user")
        user = _user(identity, who) if isinstance(who, dict) else None
        credential = next(
            (
                each
                for each in identity.app_credentials.values()
                if user is not None and (each.user_id, each.name) == (user.id, part.get("name"))
            ),
            None,
        )
    if credential is None or (credential.expires is not None and credential.expires <= now()):
        raise denied()
    if not hmac.compare_digest(credential.secret, identity.hashed(part["secret"])):
        raise denied()
    user = identity.users.get(credential.user_id)
    if user is None or not user.enabled:
        raise denied()
    return Proof(user, credential.expires, credential)


METHODS: dict[str, Callable[[Identity, Json], Proof]] = {
    "password": _by_password,
    "totp": _by_passcode,
    "token": _by_token,
    "application_credential": _by_application_credential,
}
"""The methods that this Keystone has."""
