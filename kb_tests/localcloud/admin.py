"""The cloud's own API, for tests: what was asked of it, how it is set, and what shall go wrong.
Administrators only.
"""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from typing import Any

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, not_found
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.chosen import choose
from kb_tests.localcloud.faults import Fault, Kind

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


@routes.add("GET", "/settings", admin="see settings")
async def show_settings(call: Call) -> Response:
    """All of them: see `settings.Settings`."""
    return reply({"settings": call.cloud.settings.shown()})


@routes.add("PUT", "/settings", admin="change settings")
async def change_settings(call: Call) -> Response:
    """Those that are given; what was made before stays as it is."""
    try:
        choose(call.cloud, call.object("settings"))
    except ValueError as error:
        raise bad_request(str(error)) from None
    return await show_settings(call)


@routes.add("GET", "/faults", admin="see faults")
async def list_faults(call: Call) -> Response:
    """Those that are set, with how often they matched and acted."""
    return reply({"faults": [asdict(fault) for fault in call.cloud.faults.faults.values()]})


@routes.add("POST", "/faults", admin="set faults")
async def add_fault(call: Call) -> Response:
    """One more: see `faults.Fault` for what it has."""
    fault = parse_fault(call.object("fault"))
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


_INTEGERS = frozenset({"nth", "every", "times", "status", "retry_after"})
_SETTABLE = frozenset(each.name for each in fields(Fault)) - {"id", "matched", "acted"}


def parse_fault(given: Json) -> Fault:
    """A fault from the body of a request.

    Raises:
        ApiError: 400, an unknown name or a value that makes no sense.

    """
    unknown = sorted(set(given) - _SETTABLE)
    if unknown:
        raise bad_request(f"A fault has no {', '.join(unknown)}: it has {', '.join(sorted(_SETTABLE))}.")
    values: dict[str, Any] = dict(given)
    try:
        values["kind"] = Kind(values.get("kind", ""))
    except ValueError:
        raise bad_request(f"The kind of a fault is one of {', '.join(Kind)}.") from None
    for name, value in values.items():
        if name in _INTEGERS:
            if (
                not isinstance(value, int)
                or isinstance(value, bool)
                or value < (0 if name == "retry_after" else 1)
            ):
                raise bad_request(f"{name} must be a whole number above 0, not {value!r}.")
        elif name == "seconds":
            if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
                raise bad_request(f"seconds must be a number, not {value!r}.")
        elif not isinstance(value, str):
            raise bad_request(f"{name} must be a text, not {value!r}.")
        if name in ("path", "server"):
            _check_pattern(name, value)
    least = 400 if values.get("body") is None else 200
    if not least <= values.get("status", 503) <= 599:
        raise bad_request(f"status must be {least} to 599, not {values['status']}.")
    if values["kind"] is Kind.HANG:
        values.setdefault("seconds", 3600.0)
    return Fault(**values)


def _check_pattern(name: str, value: str) -> None:
    try:
        re.compile(value)
    except re.error:
        raise bad_request(f"{name} is no regular expression: {value}") from None
