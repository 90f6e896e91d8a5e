"""The routes of all block storage resources."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.microversions import Microversions
from kb_tests.localcloud.api.paging import next_link, page
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.api.service import Service

routes = Routes()

MICROVERSIONS = Microversions("volume", (3, 0), (3, 71))

SERVICE = Service(
    "cinder",
    "volume",
    routes,
    errors.cinder,
    "Policy doesn't allow {rule} to be performed.",
    MICROVERSIONS,
)


def listing(call: Call, kind: str, views: list[Json], shown: list[Json] | None = None) -> Response:
    """A page of a list; `shown` are the views in another form, in the same order of ids."""
    found, marker = page(views, call.query)
    if shown is not None:
        by_id = {each["id"]: each for each in shown}
        found = [by_id[each["id"]] for each in found]
    body: Json = {kind: found}
    if marker is not None:
        href = next_link(call.cloud.url + call.request.url.path, call.query, marker)
        body[f"{kind}_links"] = [{"rel": "next", "href": href}]
    return reply(body)
