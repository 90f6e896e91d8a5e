"""Which of the clouds that a session names are one and the same: it carries one load at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kb_tests.cloud.account import Account
from kb_tests.errors import CloudAccessError


def places(clouds: Iterable[str]) -> Mapping[str, str]:
    """For each name the first of those that are, by clouds.yaml, the same region of the same cloud: whoever
    signs in. An entry that names no region may be any of its cloud's; one that cannot be read is its own.
    """
    known: list[tuple[str, Account]] = []
    found: dict[str, str] = {}
    for name in sorted(set(clouds)):
        account = _account(name)
        if account is None:
            found[name] = name
            continue
        same = [other for other, at in known if _may_be_one(account, at)]
        known.append((name, account))
        first = min((found[other] for other in same), default=name)
        joined = {found[other] for other in same}
        found = {each: first if place in joined else place for each, place in found.items()}
        found[name] = first
    return found


def _may_be_one(one: Account, other: Account) -> bool:
    regions = {one.region, other.region}
    return one.shares_keystone(other) and (len(regions) == 1 or "" in regions)


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
