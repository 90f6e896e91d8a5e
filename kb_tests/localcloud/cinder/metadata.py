"""The metadata of volumes."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, reply
from kb_tests.localcloud.api.errors import not_found
from kb_tests.localcloud.cinder import volumes
from kb_tests.localcloud.cinder.common import routes
from kb_tests.localcloud.cinder.state import Volume


@routes.add("GET", "/v3/{project_id}/volumes/{id}/metadata")
async def show_metadata(call: Call) -> Response:
    """All of it."""
    return reply({"metadata": volumes.get(call).metadata})


@routes.add("POST", "/v3/{project_id}/volumes/{id}/metadata")
async def add_metadata(call: Call) -> Response:
    """What is given, beside what is there."""
    volume = volumes.get(call)
    volume.metadata |= volumes.parse_metadata(call.object("metadata"))
    return reply({"metadata": volume.metadata})


@routes.add("PUT", "/v3/{project_id}/volumes/{id}/metadata")
async def replace_metadata(call: Call) -> Response:
    """Nothing but what is given."""
    volume = volumes.get(call)
    volume.metadata = volumes.parse_metadata(call.object("metadata"))
    return reply({"metadata": volume.metadata})


def _key(call: Call) -> tuple[Volume, str]:
    volume, key = volumes.get(call), call.params["key"]
    if key not in volume.metadata:
        raise not_found(f"Metadata item was not found: volume {volume.id} has no {key}.")
    return volume, key


@routes.add("GET", "/v3/{project_id}/volumes/{id}/metadata/{key}")
async def show_metadata_item(call: Call) -> Response:
    """One item."""
    volume, key = _key(call)
    return reply({"meta": {key: volume.metadata[key]}})


@routes.add("PUT", "/v3/{project_id}/volumes/{id}/metadata/{key}")
async def set_metadata_item(call: Call) -> Response:
    """One item."""
    volume = volumes.get(call)
    volume.metadata |= volumes.parse_metadata(call.object("meta"))
    return reply({"meta": call.object("meta")})


@routes.add("DELETE", "/v3/{project_id}/volumes/{id}/metadata/{key}")
async def delete_metadata_item(call: Call) -> Response:
    """One item less."""
    volume, key = _key(call)
    del volume.metadata[key]
    return reply(status=200)
