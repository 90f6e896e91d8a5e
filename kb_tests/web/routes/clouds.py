"""Clouds over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web import clouds
from kb_tests.web.calls import Parts, answer, body_of
from kb_tests.web.cleaning import Cleaner
from kb_tests.web.loaded import with_loads
from kb_tests.web.operations import Operation
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.clouds import (
    Cleanup,
    CleanupRequest,
    CloudList,
    CloudShape,
    Examination,
    ExaminationRequest,
)


async def list_clouds(parts: Parts, request: Request) -> Response:
    """The names of clouds."""
    folder = parts.watched.folder
    return answer(request, await to_thread.run_sync(lambda: with_loads(folder, clouds.listed())))


async def examine_cloud(parts: Parts, request: Request) -> Response:
    """Ask a cloud what would be in the way."""
    wanted = await body_of(request, ExaminationRequest)
    cloud = request.path_params["cloud"]
    return answer(request, await parts.waits.cloud(parts.examiner.examine, cloud, wanted))


async def show_cloud(parts: Parts, request: Request) -> Response:
    """What a cloud has."""
    return answer(request, await parts.waits.once(request.path_params["cloud"], parts.looker.look))


async def clean_cloud(parts: Parts, request: Request) -> Response:
    """Show what would be removed, or begin to remove what was shown."""
    cloud = request.path_params["cloud"]
    wanted = await body_of(request, CleanupRequest)
    done = await parts.waits.cloud(cleaner(parts).clean, cloud, wanted)
    if wanted.dry_run:
        return answer(request, done)
    parts.looker.forget()
    return answer(request, done, HTTPStatus.ACCEPTED, {"location": f"/api/v1/cleanups/{done.id}"})


async def show_cleanup(parts: Parts, request: Request) -> Response:
    """How far a cleanup is."""
    return answer(request, await to_thread.run_sync(parts.cleaner.show, request.path_params["id"]))


def cleaner(parts: Parts) -> Cleaner:
    """What removes things; raises Problem where nothing may be removed from here."""
    if parts.starter is None:
        raise Problem(HTTPStatus.FORBIDDEN, "This `kb ui` removes nothing.", "Start it without --read-only.")
    return parts.cleaner


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
    Operation(
        "GET",
        "/clouds/{cloud}",
        "show_cloud",
        "Images, flavors, zones and hosts, networks, routers, quotas, and what is ours there",
        show_cloud,
        answer=CloudShape,
        also=(502, 504),
    ),
    Operation(
        "POST",
        "/clouds/{cloud}/cleanups",
        "clean_cloud",
        "Show what would be removed, or remove what was shown",
        clean_cloud,
        body=CleanupRequest,
        answer=Cleanup,
        also=(202, 409, 415, 422, 504, 507),
    ),
    Operation("GET", "/cleanups/{id}", "show_cleanup", "How far a cleanup is", show_cleanup, answer=Cleanup),
)
