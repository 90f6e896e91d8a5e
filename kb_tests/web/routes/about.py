"""What answers about the UI itself."""

from __future__ import annotations

import platform
from http import HTTPStatus
from importlib import metadata

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kb_tests.scenario.model import schema
from kb_tests.web.calls import Parts, answer
from kb_tests.web.operations import Operation
from kb_tests.web.shapes.about import Version


async def healthz(_parts: Parts, _request: Request) -> Response:
    """Alive, and nothing else."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def version(parts: Parts, request: Request) -> Response:
    """Which suite this is, and what may be done."""
    return answer(
        request,
        Version(
            version=metadata.version("kb-tests"),
            python=platform.python_version(),
            role=str(request.scope["kb_role"]),
            reports=str(parts.archive.folder.absolute()),
            sessions=str(parts.watched.folder),
            starts=parts.starter is not None,
            max_servers=parts.planner.limits.servers if parts.starter else 0,
            max_minutes=parts.planner.limits.minutes if parts.starter else 0,
        ),
    )


async def openapi(parts: Parts, _request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(parts.document())


async def scenario_schema(_parts: Parts, _request: Request) -> Response:
    """The JSON schema of scenario files."""
    return JSONResponse(await to_thread.run_sync(schema))


OPERATIONS = (
    Operation("GET", "/healthz", "healthz", "Alive", healthz, status=204, open=True),
    Operation("GET", "/version", "version", "Suite and role", version, answer=Version),
    Operation("GET", "/openapi.json", "openapi", "This document", openapi),
    Operation(
        "GET",
        "/schema/scenario",
        "scenario_schema",
        "JSON schema of scenario files",
        scenario_schema,
    ),
)
