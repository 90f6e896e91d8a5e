"""Kept topologies over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web import kept
from kb_tests.web.calls import Parts, answer
from kb_tests.web.operations import Operation
from kb_tests.web.routes.clouds import cleaner
from kb_tests.web.shapes.clouds import Cleanup, KeptList, KeptShape


async def list_kept(_parts: Parts, request: Request) -> Response:
    """The topologies that were kept."""
    return answer(request, await to_thread.run_sync(kept.listed))


async def end_kept(parts: Parts, request: Request) -> Response:
    """Remove one."""
    cleaning = cleaner(parts)
    found = await to_thread.run_sync(kept.find, request.path_params["run"])
    begun = await to_thread.run_sync(cleaning.end, found.cloud, found.run)
    return answer(request, begun, HTTPStatus.ACCEPTED, {"location": f"/api/v1/cleanups/{begun.id}"})


async def renew_kept(parts: Parts, request: Request) -> Response:
    """Let one stay for another day."""
    cleaner(parts)
    return answer(request, await parts.waits.cloud(kept.renew, request.path_params["run"]))


OPERATIONS = (
    Operation("GET", "/kept", "list_kept", "Kept topologies", list_kept, answer=KeptList),
    Operation(
        "DELETE",
        "/kept/{run}",
        "end_kept",
        "Remove a kept topology",
        end_kept,
        answer=Cleanup,
        status=202,
        also=(409, 507),
    ),
    Operation(
        "POST",
        "/kept/{run}/renewal",
        "renew_kept",
        "Let a kept topology stay for a day from now on",
        renew_kept,
        answer=KeptShape,
        also=(409, 504),
    ),
)
