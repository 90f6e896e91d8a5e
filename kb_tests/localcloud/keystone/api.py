"""Versions; importing this module fills the service's routes."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.keystone import (
    catalog,
    credentials,
    domains,
    groups,
    limits,
    projects,
    roles,
    tokens,
    users,
)
from kb_tests.localcloud.keystone.common import SERVICE
from kb_tests.localcloud.keystone.tokens import routes

__all__ = [
    "SERVICE",
    "catalog",
    "credentials",
    "domains",
    "groups",
    "limits",
    "projects",
    "roles",
    "tokens",
    "users",
]


def _version(call: Call) -> Json:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.cloud.url}/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    return reply({"versions": {"values": [_version(call)]}}, 300)


@routes.add("GET", "/v3", public=True)
async def version(call: Call) -> Response:
    """Version 3."""
    return reply({"version": _version(call)})
