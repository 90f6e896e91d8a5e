"""What there is on a cloud, asked of every API by openstacksdk, not by the suite's own finders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kb_tests.cloud.connect import Cloud

Things = Mapping[tuple[str, str], str]
"""All that an API tells about a resource, as text, by kind and id."""

Listing = Callable[[Any, bool], Iterable[Any]]
"""Of a connection; and whether resources of all projects are wanted."""

_LISTINGS: dict[str, Listing] = {
    "server": lambda c, everybody: c.compute.servers(all_projects=everybody),
    "server group": lambda c, everybody: c.compute.server_groups(all_projects=everybody),
    "flavor": lambda c, everybody: c.compute.flavors(is_public=None if everybody else True),
    "volume": lambda c, everybody: c.block_storage.volumes(all_projects=everybody),
    "snapshot": lambda c, everybody: c.block_storage.snapshots(all_projects=everybody),
    "image": lambda c, _: c.image.images(),
    "floating ip": lambda c, _: c.network.ips(),
    "port": lambda c, _: c.network.ports(),
    "router": lambda c, _: c.network.routers(),
    "subnet": lambda c, _: c.network.subnets(),
    "network": lambda c, _: c.network.networks(),
    "security group": lambda c, _: c.network.security_groups(),
}
_OF_ADMINS: dict[str, Listing] = {
    "project": lambda c, _: c.identity.projects(),
    "user": lambda c, _: c.identity.users(),
}


def everything(cloud: Cloud) -> Things:
    """All resources of all projects for an admin, those of the own project for others."""
    connection: Any = cloud.connection
    listings = _LISTINGS | (_OF_ADMINS if cloud.is_admin else {})
    found: dict[tuple[str, str], str] = {}
    for kind, listing in listings.items():
        if kind in ("volume", "snapshot") and not cloud.has_volumes:
            continue
        found |= {(kind, resource.id): _text(resource) for resource in listing(connection, cloud.is_admin)}
    users = [identifier for kind, identifier in found if kind == "user"]
    for options in ({"user_id": user} for user in users) if cloud.is_admin else ({},):
        for keypair in connection.compute.keypairs(**options):
            found["keypair", f"{keypair.name} {options.get('user_id', '')}".strip()] = _text(keypair)
    return found


def left(before: Things, after: Things, runs: Iterable[str], *, alone: bool) -> list[str]:
    """What speaks of these runs and, where nobody else uses the cloud (`alone`), all that is new."""
    ids = tuple(runs)
    return [
        f"{kind} {identifier}"
        for (kind, identifier), text in after.items()
        if any(run in text for run in ids) or (alone and (kind, identifier) not in before)
    ]


def _text(resource: Any) -> str:
    return json.dumps(resource.to_dict(), default=str)
