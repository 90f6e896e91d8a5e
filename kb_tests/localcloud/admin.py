"""The cloud's own API, for tests: what was asked of it. Administrators only."""

from __future__ import annotations

from dataclasses import asdict

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, reply
from kb_tests.localcloud.api.errors import bad_request
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.api.service import Service

routes = Routes()

SERVICE = Service("admin", "admin", routes, errors.keystone, "Only an administrator may {rule}.")


@routes.add("GET", "/requests", admin="read the request log")
async def list_requests(call: Call) -> Response:
    """The request log: `?since=N` from entry N on, `?method=`, `?path=` (a part of the path)."""
    since = call.query.get("since", "0")
    if not since.isdigit():
        raise bad_request(f"since must be a whole number, not '{since}'.")
    method, path = call.query.get("method"), call.query.get("path", "")
    log = call.cloud.requests
    found = [
        asdict(entry)
        for entry in log.entries
        if entry.number >= int(since) and method in (None, entry.method) and path in entry.path
    ]
    return reply({"requests": found, "next": log.count})


@routes.add("GET", "/status", public=True)
async def status(call: Call) -> Response:
    """Whether it lives, with which driver, and what that cannot do."""
    return reply(
        {"driver": call.cloud.driver.name, "notes": list(call.cloud.driver.notes), "url": call.cloud.url}
    )
