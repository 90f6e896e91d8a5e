"""Versions, schemas, ways of import; and the images and members."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, reply
from kb_tests.localcloud.api.errors import not_found
from kb_tests.localcloud.glance import images, members
from kb_tests.localcloud.glance.common import SERVICE, routes
from kb_tests.localcloud.glance.schemas import IMAGE_SCHEMA, IMAGES_SCHEMA, MEMBER_SCHEMA, MEMBERS_SCHEMA

__all__ = ["SERVICE", "images", "members"]


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    found = [
        {
            "id": f"v2.{minor}",
            "status": "CURRENT" if minor == 9 else "SUPPORTED",
            "links": [{"rel": "self", "href": f"{call.cloud.url}/image/v2/"}],
        }
        for minor in (9, 7, 6, 5, 4, 3, 2, 1, 0)
    ]
    return reply({"versions": found}, 300)


routes.add("GET", "/versions", public=True)(versions)


@routes.add("GET", "/v2/schemas/{name}")
async def schema(call: Call) -> Response:
    """What clients validate against."""
    known = {
        "image": IMAGE_SCHEMA,
        "images": IMAGES_SCHEMA,
        "member": MEMBER_SCHEMA,
        "members": MEMBERS_SCHEMA,
    }
    if call.params["name"] not in known:
        raise not_found("The resource could not be found.")
    return reply(known[call.params["name"]])


@routes.add("GET", "/v2/info/import")
async def import_methods(call: Call) -> Response:
    """None: data come by upload."""
    del call
    return reply(
        {"import-methods": {"description": "Import methods available.", "type": "array", "value": []}}
    )
