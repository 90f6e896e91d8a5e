"""The cloud's own API, for tests: what was asked of it, and what shall go wrong. Administrators only."""

from __future__ import annotations

from dataclasses import asdict

from starlette.responses import Response

from kb_tests.localcloud import faults
from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, reply
from kb_tests.localcloud.api.errors import bad_request, not_found
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


@routes.add("GET", "/faults", admin="see faults")
async def list_faults(call: Call) -> Response:
    """Those that are set, with how often they matched and acted."""
    return reply({"faults": [asdict(fault) for fault in call.cloud.faults.faults.values()]})


@routes.add("POST", "/faults", admin="set faults")
async def add_fault(call: Call) -> Response:
    """One more: see `faults.Fault` for what it has."""
    fault = faults.parse(call.object("fault"))
    call.cloud.faults.add(fault)
    return reply({"fault": asdict(fault)}, 201)


@routes.add("DELETE", "/faults", admin="remove faults")
async def clear_faults(call: Call) -> Response:
    """All of them."""
    call.cloud.faults.clear()
    return reply(status=204)


@routes.add("DELETE", "/faults/{id}", admin="remove faults")
async def delete_fault(call: Call) -> Response:
    """One of them."""
    if call.cloud.faults.faults.pop(call.params["id"], None) is None:
        raise not_found(f"There is no fault {call.params['id']}.")
    return reply(status=204)
