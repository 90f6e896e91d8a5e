"""Runs and their points over HTTP."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from anyio import to_thread
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.history.find import Wanted
from kb_tests.history.tags import tags_of
from kb_tests.report.beside import beside
from kb_tests.scenario.units import parse_duration
from kb_tests.web import child
from kb_tests.web.calls import LONGEST_TEXT, Parts, attachment, told
from kb_tests.web.operations import Operation, Param
from kb_tests.web.points import point_shape
from kb_tests.web.problems import Problem
from kb_tests.web.runs import run_shape
from kb_tests.web.shapes.points import PointShape
from kb_tests.web.shapes.runs import RunList, RunShape

LISTED = 50
LISTED_AT_MOST = 500
REPORT_SECONDS = 120.0


async def list_runs(parts: Parts, request: Request) -> Response:
    """Runs, the newest first."""
    query = request.query_params
    try:
        since = float(parse_duration(query["since"])) if query.get("since") else 0.0
        limit = int(query.get("limit") or LISTED)
    except ValueError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"since is a duration such as 12h, limit a number: {error}."
        ) from error
    if not 1 <= limit <= LISTED_AT_MOST:
        raise Problem(HTTPStatus.BAD_REQUEST, f"limit is 1 to {LISTED_AT_MOST}.")
    wanted = Wanted(
        cloud=query.get("cloud", ""),
        scenario=query.get("scenario", ""),
        outcome=query.get("outcome", ""),
        tag=query.get("tag", ""),
        since=since,
    )
    text, after = query.get("q", "")[:LONGEST_TEXT], query.get("after", "")
    return told(request, await to_thread.run_sync(lambda: parts.archive.listed(wanted, text, after, limit)))


async def show_run(parts: Parts, request: Request) -> Response:
    """One run."""
    run = request.path_params["run"]

    def found() -> BaseModel:
        archive = parts.archive.at_once()
        summary = archive.summary(run)
        return run_shape(archive.record(run), archive.like(summary), tags_of(Path(summary.path)))

    return told(request, await to_thread.run_sync(found))


async def show_point(parts: Parts, request: Request) -> Response:
    """One point of a run."""
    return told(request, await to_thread.run_sync(point_asked(parts, request)))


def point_asked(parts: Parts, request: Request) -> Callable[[], PointShape]:
    """What finds the point that a path means; raises Problem for what is no attempt."""
    run, point = request.path_params["run"], request.path_params["point"]
    given = request.query_params.get("attempt", "1")
    if not (given.isascii() and given.isdigit() and len(given) < 6):
        raise Problem(HTTPStatus.BAD_REQUEST, "attempt is a number, 1 for the first.")
    attempt = int(given)

    def found() -> PointShape:
        record = parts.archive.record(run)
        return point_shape(
            record, point, attempt, lambda: parts.watched.buckets(_run_of(record, run), point, attempt)
        )

    return found


async def download_record(parts: Parts, request: Request) -> Response:
    """The record itself, from which every report can be made again."""
    run = request.path_params["run"]
    content = await to_thread.run_sync(parts.archive.content, run)
    return attachment(content, "application/json", f"{run}.json")


async def download_report(parts: Parts, request: Request) -> Response:
    """The report as one HTML file; a child makes it, since charts take a library that this process spares."""
    run = request.path_params["run"]
    path = Path((await to_thread.run_sync(parts.archive.summary, run)).path)
    interactive = request.query_params.get("interactive") == "1"
    content = await parts.waits.work(_report, path, interactive)
    return attachment(content, "text/html; charset=utf-8", f"{path.stem}.html")


def _run_of(record: Any, run: str) -> str:
    return str(record.run) if record.run else run


def _report(record: Path, interactive: bool) -> bytes:
    with tempfile.TemporaryDirectory(prefix="kb-ui-") as folder:
        target = Path(folder) / "report.html"
        # Made whole where the run broke off; reading changes nothing.
        copy = Path(folder) / record.name
        for path in (record, beside(record)):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path, copy.with_name(path.name))
        command = child.command("report", str(copy), "--html", str(target))
        command += ["--interactive"] if interactive else []
        try:
            done = child.run(command, timeout=REPORT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Problem(
                HTTPStatus.GATEWAY_TIMEOUT, f"The report took longer than {REPORT_SECONDS:g} s."
            ) from error
        if done.returncode or not target.exists():
            raise Problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "The report could not be made.",
                f"Try `kb report` with {record.name}.",
            )
        return target.read_bytes()


OPERATIONS = (
    Operation(
        "GET",
        "/runs",
        "list_runs",
        "Runs, the newest first",
        list_runs,
        query=(
            Param("cloud", "of this cloud alone"),
            Param("scenario", "with this scenario"),
            Param("outcome", "that ended so"),
            Param("tag", "with this tag"),
            Param("since", "begun so long ago at most, such as 12h"),
            Param("q", "with this in id, cloud, scenario or tag"),
            Param("limit", "so many at most", type="integer", least=1, most=LISTED_AT_MOST),
            Param("after", "those behind this run"),
        ),
        answer=RunList,
    ),
    Operation("GET", "/runs/{run}", "show_run", "One run", show_run, answer=RunShape, also=(422,)),
    Operation(
        "GET",
        "/runs/{run}/points/{point}",
        "show_point",
        "One point: checks, seconds, percentiles, hosts",
        show_point,
        query=(Param("attempt", "which attempt at it, 1 by default", type="integer", least=1),),
        answer=PointShape,
        also=(422,),
    ),
    Operation("GET", "/runs/{run}/record", "download_record", "The record, as a file", download_record),
    Operation(
        "GET",
        "/runs/{run}/report",
        "download_report",
        "The report, as one HTML file",
        download_report,
        query=(Param("interactive", "1: with these pages of it, in one file"),),
        media="text/html",
        also=(500, 504),
    ),
)
