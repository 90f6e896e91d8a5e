"""Key pairs, which belong to users."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text
from kb_tests.localcloud.api.errors import ApiError, bad_request, conflict, forbidden, not_found
from kb_tests.localcloud.api.paging import next_link
from kb_tests.localcloud.nova import limits
from kb_tests.localcloud.nova.common import routes
from kb_tests.localcloud.nova.state import Keypair
from kb_tests.localcloud.times import micros


def _user(call: Call) -> str:
    asked = call.query.get("user_id", call.caller.user_id)
    if asked != call.caller.user_id and not call.caller.is_admin:
        raise forbidden("Policy doesn't allow os_compute_api:os-keypairs:index to be performed.")
    return asked


def view(call: Call, keypair: Keypair) -> Json:
    """The key pair in the shape of the microversion."""
    shown: Json = {
        "name": keypair.name,
        "public_key": keypair.public_key,
        "fingerprint": keypair.fingerprint,
    }
    if call.version >= (2, 2):
        shown["type"] = keypair.kind
    return shown


@routes.add("GET", "/v2.1/os-keypairs")
async def list_keypairs(call: Call) -> Response:
    """The caller's; an administrator may name another user."""
    user = _user(call)
    keypairs = sorted(
        (pair for (owner, _), pair in call.cloud.compute.keypairs.items() if owner == user),
        key=lambda pair: pair.name,
    )
    if call.version >= (2, 35) and (marker := call.query.get("marker")):
        if all(pair.name != marker for pair in keypairs):
            raise bad_request(f"marker [{marker}] not found")
        keypairs = [pair for pair in keypairs if pair.name > marker]
    limit = call.query.get("limit", "") if call.version >= (2, 35) else ""
    chosen = keypairs[: int(limit)] if limit.isdigit() and int(limit) else keypairs
    body: Json = {"keypairs": [{"keypair": view(call, pair)} for pair in chosen]}
    if len(chosen) < len(keypairs):
        href = next_link(call.cloud.url + call.request.url.path, call.query, chosen[-1].name)
        body["keypairs_links"] = [{"rel": "next", "href": href}]
    return reply(body)


def _find(call: Call) -> tuple[str, Keypair]:
    user, name = _user(call), call.params["name"]
    keypair = call.cloud.compute.keypairs.get((user, name))
    if keypair is None:
        raise not_found(f"Keypair {name} not found for user {user}")
    return user, keypair


@routes.add("GET", "/v2.1/os-keypairs/{name}")
async def show_keypair(call: Call) -> Response:
    """One key pair."""
    user, keypair = _find(call)
    shown = view(call, keypair) | {
        "user_id": user,
        "id": keypair.number,
        "created_at": micros(keypair.created),
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
    return reply({"keypair": shown})


@routes.add("POST", "/v2.1/os-keypairs")
async def create_keypair(call: Call) -> Response:
    """Import a public key; before 2.92, without one, make a pair and show its private half once."""
    given, compute = call.object("keypair"), call.cloud.compute
    user = given.get("user_id", call.caller.user_id) if call.version >= (2, 10) else call.caller.user_id
    if user != call.caller.user_id and not call.caller.is_admin:
        raise forbidden("Policy doesn't allow os_compute_api:os-keypairs:create to be performed.")
    name = text(given, "name")
    allowed = r"[\w\- .@]+" if call.version >= (2, 92) else r"[\w\- ]+"
    if not re.fullmatch(allowed, name, re.ASCII) or name != name.strip():
        raise bad_request(
            "Keypair data is invalid: Keypair name contains unsafe characters"
            if name
            else "Invalid input for field/attribute name. Value: . '' is too short"
        )
    if (user, name) in compute.keypairs:
        raise conflict(f"Key pair '{name}' already exists.")
    limit = limits.limit(call.cloud, "key_pairs", call.caller.project_id)
    if 0 <= limit <= sum(1 for owner, _ in compute.keypairs if owner == user):
        raise ApiError(403, "Quota exceeded, too many key pairs.")
    private = None
    public = given.get("public_key")
    if public is None:
        if call.version >= (2, 92):
            raise bad_request(
                "Invalid input for field/attribute keypair. 'public_key' is a required property"
            )
        public, private = _generate()
    keypair = Keypair(
        name=name,
        public_key=str(public),
        fingerprint=fingerprint(str(public)),
        kind=str(given.get("type", "ssh")),
        number=compute.next_number(),
    )
    compute.keypairs[user, name] = keypair
    shown = view(call, keypair) | {"user_id": user}
    if private is not None:
        shown["private_key"] = private
    return reply({"keypair": shown}, 201 if call.version >= (2, 2) else 200)


def fingerprint(public_key: str) -> str:
    """MD5 of the key blob, in pairs of hexadecimal digits.

    Raises:
        ApiError: 400, no SSH public key.

    """
    try:
        blob = base64.b64decode(public_key.split()[1])
    except (IndexError, binascii.Error, ValueError):
        raise bad_request("Keypair data is invalid: failed to generate fingerprint") from None
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[place : place + 2] for place in range(0, 32, 2))


def _generate() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return f"{public} Generated-by-Nova", private


@routes.add("DELETE", "/v2.1/os-keypairs/{name}")
async def delete_keypair(call: Call) -> Response:
    """Servers keep the key they booted with."""
    user, keypair = _find(call)
    del call.cloud.compute.keypairs[user, keypair.name]
    return reply(status=204 if call.version >= (2, 2) else 202)
