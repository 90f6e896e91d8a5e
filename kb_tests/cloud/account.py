"""What identifies a cloud, and whoever uses it: two entries of clouds.yaml may be one cloud, or look like it.

An auth URL alone names no cloud: regions share a Keystone, and what one project has another does not see. So
the answer "not found" says that something is gone only where this account would be shown it if it was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_VERSIONS = ("/v3", "/v2.0")


@dataclass(frozen=True)
class Account:
    """A region of a cloud, and as whom somebody signs in to it. All but `auth_url` are empty where an old
    journal does not say.

    `admin` tells whether that user sees all projects, `project_name` is for people. `entry` is its name in
    clouds.yaml, and `alone` whether that cloud has no other region: neither is a part of what it is.
    """

    auth_url: str
    region: str = ""
    project: str = ""
    user: str = ""
    admin: bool = False
    project_name: str = field(default="", compare=False)
    entry: str = field(default="", compare=False)
    alone: bool = field(default=False, compare=False)

    def shares_keystone(self, other: Account) -> bool:
        """Whether they are one cloud, whatever the regions."""
        return _normal(self.auth_url) == _normal(other.auth_url)

    def is_at(self, other: Account) -> bool:
        """Whether this is the same region of the same cloud. Where that one does not know its region, the
        cloud must have no other, or be named by the same entry.
        """
        if not self.shares_keystone(other):
            return False
        if other.region:
            return self.region == other.region
        return self.alone or self.entry == other.entry

    def __str__(self) -> str:
        region = f"region {self.region} of " if self.region else ""
        project = f", project {self.project_name or self.project}" if self.project else ""
        return f"{region}the cloud at {self.auth_url}{project}"

    def to_json(self) -> dict[str, Any]:
        """As it stands in a journal."""
        return {
            "auth_url": self.auth_url,
            "region": self.region,
            "project": self.project,
            "user": self.user,
            "admin": self.admin,
            "project_name": self.project_name,
        }

    @classmethod
    def from_json(cls, line: dict[str, Any], entry: str) -> Self:
        """Of a journal's line, which has an `auth_url`; what else it does not say is unknown."""
        region, project, user, name = (
            str(line.get(key) or "") for key in ("region", "project", "user", "project_name")
        )
        return cls(str(line["auth_url"]), region, project, user, line.get("admin") is True, name, entry)


def places_of(accounts: Mapping[str, Account | None]) -> Mapping[str, str]:
    """For each entry of clouds.yaml the first of those that are the same region of the same cloud, whoever
    signs in. One that names no region may be any of its cloud's; one of which nothing is known is its own.
    """
    known: list[tuple[str, Account]] = []
    found: dict[str, str] = {}
    for name, account in sorted(accounts.items(), key=lambda each: each[0]):
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


def _normal(auth_url: str) -> str:
    """With or without version, default port and final slash it is the same Keystone."""
    try:
        parts = urlsplit(auth_url.strip())
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return auth_url
    path = parts.path.rstrip("/")
    for version in _VERSIONS:
        path = path.removesuffix(version)
    return f"{parts.scheme}://{parts.hostname}:{port}{path.rstrip('/')}"
