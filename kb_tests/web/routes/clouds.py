"""Clouds over HTTP."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web import clouds
from kb_tests.web.calls import Parts, answer, body_of
from kb_tests.web.operations import Operation
from kb_tests.web.shapes.clouds import CloudList, Examination, ExaminationRequest


async def list_clouds(_parts: Parts, request: Request) -> Response:
    """The names of clouds."""
    return answer(request, await to_thread.run_sync(clouds.listed))


async def examine_cloud(parts: Parts, request: Request) -> Response:
    """Ask a cloud what would be in the way."""
    wanted = await body_of(request, ExaminationRequest)
    cloud = request.path_params["cloud"]
    return answer(request, await to_thread.run_sync(parts.examiner.examine, cloud, wanted))


OPERATIONS = (
    Operation("GET", "/clouds", "list_clouds", "Names of clouds", list_clouds, answer=CloudList),
    Operation(
        "POST",
        "/clouds/{cloud}/examinations",
        "examine_cloud",
        "What kb doctor finds, the worst first",
        examine_cloud,
        body=ExaminationRequest,
        answer=Examination,
        also=(409, 415, 422, 502, 504),
    ),
)
