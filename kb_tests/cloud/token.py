"""A token for every request, although threads share a sign-in and any of them may find its token ended.

keystoneauth makes sure of a token under a lock and reads it after that. A thread that is told 401 in between
drops the token, and the other one is left with none: an AssertionError, or None in older releases.
"""

from __future__ import annotations

from typing import Any

from keystoneauth1 import exceptions as ksa
from keystoneauth1.access import AccessInfo
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.session import Session

_TRIES = 10
"""Each is another token that ended within microseconds of its making."""


def share(plugin: object) -> None:
    """Let this sign-in be used by several threads; one that has no tokens stays as it is."""
    if not isinstance(plugin, BaseIdentityPlugin):
        return
    get_access = plugin.get_access

    def access(session: Session, **options: Any) -> AccessInfo:
        for _ in range(_TRIES):
            try:
                found: AccessInfo | None = get_access(session, **options)
            except AssertionError:
                continue
            if found is not None:
                return found
        raise ksa.AuthorizationFailure("Each token ends before it can be used.")

    vars(plugin)["get_access"] = access
