"""Scenarios over HTTP."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web.calls import Parts, answer
from kb_tests.web.operations import Operation
from kb_tests.web.shapes.scenarios import ScenarioList, ScenarioText


async def list_scenarios(parts: Parts, request: Request) -> Response:
    """The scenarios that can be run."""
    return answer(request, await to_thread.run_sync(parts.scenarios.listed))


async def show_scenario(parts: Parts, request: Request) -> Response:
    """One scenario."""
    return answer(request, await to_thread.run_sync(parts.scenarios.shown, request.path_params["name"]))


OPERATIONS = (
    Operation(
        "GET",
        "/scenarios",
        "list_scenarios",
        "Scenarios that can be run",
        list_scenarios,
        answer=ScenarioList,
    ),
    Operation(
        "GET",
        "/scenarios/{name}",
        "show_scenario",
        "A scenario's text, points and needs",
        show_scenario,
        answer=ScenarioText,
        also=(422,),
    ),
)
