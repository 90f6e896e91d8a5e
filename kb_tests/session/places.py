"""Which of the clouds that a session names are one and the same: it carries one load at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kb_tests.cloud.account import Account, places_of
from kb_tests.errors import CloudAccessError


def places(clouds: Iterable[str]) -> Mapping[str, str]:
    """For each name the first of those that are, by clouds.yaml, the same region of the same cloud: whoever
    signs in.
    """
    return places_of({name: _account(name) for name in clouds})


def _account(name: str) -> Account | None:
    """As far as an entry tells before anybody has signed in; None where it tells nothing."""
    if not name:
        return None  # the embedded local cloud
    from kb_tests.cloud import config

    try:
        found = config.read(name).config
    except CloudAccessError:
        return None
    auth_url = found["auth"].get("auth_url")
    return Account(str(auth_url), str(found.get("region_name") or "")) if auth_url else None
