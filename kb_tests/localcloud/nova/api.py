"""Versions and extensions; importing this module fills the service's routes."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.microversions import written
from kb_tests.localcloud.nova import (
    actions,
    create,
    flavors,
    hosts,
    interfaces,
    keypairs,
    quotas,
    server_groups,
    servers,
    volumes,
)
from kb_tests.localcloud.nova.common import MICROVERSIONS, SERVICE, routes

__all__ = [
    "SERVICE", "actions", "create", "flavors", "hosts", "interfaces", "keypairs", "quotas", "server_groups",
    "servers", "volumes",
]  # fmt: skip


def _version(call: Call) -> Json:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": written(MICROVERSIONS.most),
        "min_version": written(MICROVERSIONS.least),
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{call.cloud.url}/compute/v2.1/"}],
    }


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    return reply({"versions": [_version(call)]})


@routes.add("GET", "/v2.1", public=True)
async def version(call: Call) -> Response:
    """Version 2.1 and its microversions."""
    media = [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]
    return reply({"version": _version(call) | {"media-types": media}})


@routes.add("GET", "/v2.1/extensions")
async def list_extensions(call: Call) -> Response:
    """None by name: microversions took their place."""
    del call
    return reply({"extensions": []})
