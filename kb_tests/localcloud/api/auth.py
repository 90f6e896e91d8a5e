"""From the token of a request to who asks, and whether the call is for administrators only."""

from __future__ import annotations

from starlette.datastructures import Headers

from kb_tests.localcloud.api.call import Caller
from kb_tests.localcloud.api.errors import ApiError
from kb_tests.localcloud.keystone.state import Identity

NOBODY = Caller("", "", frozenset(), "")


def authenticate(identity: Identity, headers: Headers, keystone: str, admin_role: str) -> Caller:
    """Who the `X-Auth-Token` stands for.

    Raises:
        ApiError: 401, no token, or one that is unknown, expired or revoked.

    """
    token = identity.token(headers.get("x-auth-token", ""))
    if token is None:
        raise ApiError(
            401,
            "The request you have made requires authentication.",
            "Unauthorized",
            {"WWW-Authenticate": f"Keystone uri='{keystone}'"},
        )
    domain_id = token.target if token.target in identity.domains else ""
    roles = identity.role_names(token)
    return Caller(token.user_id, token.project_id, roles, token.id, domain_id, admin_role)
