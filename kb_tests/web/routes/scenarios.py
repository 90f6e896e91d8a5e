"""Scenarios over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web.calls import LONGEST_TEXT, Parts, answer, body_of
from kb_tests.web.checking import checked
from kb_tests.web.operations import Operation, Param
from kb_tests.web.problems import Problem
from kb_tests.web.saved import Saved
from kb_tests.web.shapes.plans import Plan, PlanRequest
from kb_tests.web.shapes.scenarios import Check, CheckRequest, SaveRequest, ScenarioList, ScenarioText


async def list_scenarios(parts: Parts, request: Request) -> Response:
    """The scenarios that can be run."""
    return answer(request, await to_thread.run_sync(parts.scenarios.listed))


async def show_scenario(parts: Parts, request: Request) -> Response:
    """One scenario."""
    return answer(request, await to_thread.run_sync(parts.scenarios.shown, request.path_params["name"]))


async def save_scenario(parts: Parts, request: Request) -> Response:
    """Save one."""
    wanted = await body_of(request, SaveRequest)
    saved, name = _writing(parts), request.path_params["name"]
    fresh = await to_thread.run_sync(saved.put, name, wanted.text, _seen(request))
    shown = await to_thread.run_sync(parts.scenarios.shown, name)
    return answer(request, shown, HTTPStatus.CREATED if fresh else HTTPStatus.OK)


async def delete_scenario(parts: Parts, request: Request) -> Response:
    """Delete a saved one."""
    saved, name = _writing(parts), request.path_params["name"]
    await to_thread.run_sync(saved.delete, name, _seen(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _writing(parts: Parts) -> Saved:
    if parts.saved is None:
        raise Problem(HTTPStatus.FORBIDDEN, "This `kb ui` changes nothing.", "Start it without --read-only.")
    return parts.saved


def _seen(request: Request) -> str:
    """The digest of the version that the caller saw."""
    return request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')[:LONGEST_TEXT]


async def check_text(parts: Parts, request: Request) -> Response:
    """What is wrong with a text, and what it comes to."""
    wanted = await body_of(request, CheckRequest)
    return answer(request, await parts.waits.work(checked, wanted))


async def make_plan(parts: Parts, request: Request) -> Response:
    """What a run would take; nothing is started."""
    wanted = await body_of(request, PlanRequest)
    planned = await to_thread.run_sync(parts.planner.planned, wanted)
    return answer(request, planned.plan)


_IF_MATCH = Param(
    "If-Match", "the digest of the version that was shown; without it, a new one", place="header"
)

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
    Operation(
        "PUT",
        "/scenarios/{name}",
        "save_scenario",
        "Save a scenario",
        save_scenario,
        query=(_IF_MATCH,),
        body=SaveRequest,
        answer=ScenarioText,
        also=(201, 409, 412, 415, 422, 507),
    ),
    Operation(
        "DELETE",
        "/scenarios/{name}",
        "delete_scenario",
        "Delete a saved scenario",
        delete_scenario,
        query=(_IF_MATCH,),
        status=204,
        also=(409, 412),
    ),
    Operation(
        "POST",
        "/checks",
        "check_text",
        "What is wrong with a scenario's text, by line",
        check_text,
        body=CheckRequest,
        answer=Check,
        also=(415, 422, 500, 504),
    ),
    Operation(
        "POST",
        "/plans",
        "make_plan",
        "What a run would take: servers, time, command line",
        make_plan,
        body=PlanRequest,
        answer=Plan,
        also=(404, 415, 422),
    ),
)
