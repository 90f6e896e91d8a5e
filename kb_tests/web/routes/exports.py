"""Runs for other programs, and their end."""

from __future__ import annotations

from http import HTTPStatus

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web import exports
from kb_tests.web.calls import Parts, attachment
from kb_tests.web.operations import Operation, Param
from kb_tests.web.problems import Problem
from kb_tests.web.routes.runs import point_asked


async def download_junit(parts: Parts, request: Request) -> Response:
    """A run as JUnit XML."""
    run = request.path_params["run"]
    content = await to_thread.run_sync(lambda: exports.junit(parts.archive.record(run)))
    return attachment(content, "application/xml", f"{run}.xml")


async def download_points(parts: Parts, request: Request) -> Response:
    """A run's points as CSV."""
    run = request.path_params["run"]
    content = await to_thread.run_sync(lambda: exports.points_csv(parts.archive.record(run)))
    return attachment(content, "text/csv; charset=utf-8", f"{run}.csv")


async def download_seconds(parts: Parts, request: Request) -> Response:
    """A point's seconds as CSV."""
    run, find = request.path_params["run"], point_asked(parts, request)

    def made() -> bytes:
        seconds = find().seconds
        if seconds is None:
            raise Problem(HTTPStatus.NOT_FOUND, "This point was not measured: it has no seconds.")
        return exports.seconds_csv(seconds)

    return attachment(await to_thread.run_sync(made), "text/csv; charset=utf-8", f"{run}-seconds.csv")


async def delete_run(parts: Parts, request: Request) -> Response:
    """Delete a record."""
    if parts.starter is None:
        raise Problem(HTTPStatus.FORBIDDEN, "This `kb ui` deletes nothing.", "Start it without --read-only.")
    run = request.path_params["run"]
    await to_thread.run_sync(lambda: parts.archive.delete(run, parts.watched.runs_alive()))
    return Response(status_code=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        "GET",
        "/runs/{run}/junit",
        "download_junit",
        "The run as JUnit XML",
        download_junit,
        media="application/xml",
        also=(422,),
    ),
    Operation(
        "GET",
        "/runs/{run}/csv",
        "download_points",
        "The points as CSV",
        download_points,
        media="text/csv",
        also=(422,),
    ),
    Operation(
        "GET",
        "/runs/{run}/points/{point}/csv",
        "download_seconds",
        "A point's seconds as CSV",
        download_seconds,
        query=(Param("attempt", "which attempt at it, 1 by default", type="integer", least=1),),
        media="text/csv",
        also=(422,),
    ),
    Operation(
        "DELETE",
        "/runs/{run}",
        "delete_run",
        "Delete a record; nothing on a cloud",
        delete_run,
        status=204,
        also=(409,),
    ),
)
