"""The operations of the REST API: requests are read here, what answers them stands in the files beside."""

from __future__ import annotations

import asyncio
import hashlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from anyio import to_thread
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from kb_tests.errors import KbError
from kb_tests.events import markers
from kb_tests.history.find import Wanted
from kb_tests.scenario.model import schema
from kb_tests.scenario.units import parse_duration
from kb_tests.web import clouds
from kb_tests.web.archive import Archive
from kb_tests.web.examining import Examiner
from kb_tests.web.points import point_shape
from kb_tests.web.problems import Problem
from kb_tests.web.runs import run_shape
from kb_tests.web.scenarios import Scenarios
from kb_tests.web.shapes import (
    Accepted,
    ExaminationRequest,
    MarkerRequest,
    StartRequest,
    StopRequest,
    Version,
)
from kb_tests.web.starting import Starter
from kb_tests.web.stopping import stop
from kb_tests.web.stream import Streams, parse_cursor
from kb_tests.web.watched import Watched

LISTED = 50
LISTED_AT_MOST = 500
REPORT_SECONDS = 120.0
_LONGEST_TEXT = 300

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Parts:
    """What the operations work on; `starter` is None where nothing may be started from here."""

    archive: Archive
    watched: Watched
    scenarios: Scenarios
    streams: Streams
    starter: Starter | None
    examiner: Examiner
    document: Callable[[], Mapping[str, Any]]


Call = Callable[[Parts, Request], Awaitable[Response]]


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
            max_servers=parts.starter.max_servers if parts.starter else 0,
        ),
    )


async def openapi(parts: Parts, _request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(parts.document())


async def scenario_schema(_parts: Parts, _request: Request) -> Response:
    """The JSON schema of scenario files."""
    return JSONResponse(await to_thread.run_sync(schema))


async def list_scenarios(parts: Parts, request: Request) -> Response:
    """The scenarios that can be run."""
    return answer(request, await to_thread.run_sync(parts.scenarios.listed))


async def show_scenario(parts: Parts, request: Request) -> Response:
    """One scenario."""
    return answer(request, await to_thread.run_sync(parts.scenarios.shown, request.path_params["name"]))


async def list_clouds(_parts: Parts, request: Request) -> Response:
    """The names of clouds."""
    return answer(request, await to_thread.run_sync(clouds.listed))


async def examine_cloud(parts: Parts, request: Request) -> Response:
    """Ask a cloud what would be in the way."""
    wanted = await body_of(request, ExaminationRequest)
    cloud = request.path_params["cloud"]
    return answer(request, await to_thread.run_sync(parts.examiner.examine, cloud, wanted))


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
    text, after = query.get("q", "")[:_LONGEST_TEXT], query.get("after", "")
    return answer(request, await to_thread.run_sync(lambda: parts.archive.listed(wanted, text, after, limit)))


async def show_run(parts: Parts, request: Request) -> Response:
    """One run."""
    run = request.path_params["run"]

    def found() -> BaseModel:
        return run_shape(parts.archive.record(run), parts.archive.summary(run), parts.archive)

    return answer(request, await to_thread.run_sync(found))


async def show_point(parts: Parts, request: Request) -> Response:
    """One point of a run."""
    run, point = request.path_params["run"], request.path_params["point"]
    given = request.query_params.get("attempt", "1")
    if not (given.isascii() and given.isdigit() and len(given) < 6):
        raise Problem(HTTPStatus.BAD_REQUEST, "attempt is a number, 1 for the first.")
    attempt = int(given)

    def found() -> BaseModel:
        record = parts.archive.record(run)
        return point_shape(
            record, point, attempt, lambda: parts.watched.buckets(_run_of(record, run), point, attempt)
        )

    return answer(request, await to_thread.run_sync(found))


def _run_of(record: Any, run: str) -> str:
    return str(record.run) if record.run else run


async def download_record(parts: Parts, request: Request) -> Response:
    """The record itself, from which every report can be made again."""
    run = request.path_params["run"]
    path = Path((await to_thread.run_sync(parts.archive.summary, run)).path)
    content = await to_thread.run_sync(path.read_bytes)
    return attachment(content, "application/json", f"{path.stem}.json")


async def download_report(parts: Parts, request: Request) -> Response:
    """The report as one HTML file; a child makes it, since charts take a library that this process spares."""
    run = request.path_params["run"]
    path = Path((await to_thread.run_sync(parts.archive.summary, run)).path)
    content = await to_thread.run_sync(_report, path)
    return attachment(content, "text/html; charset=utf-8", f"{path.stem}.html")


def _report(record: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="kb-ui-") as folder:
        target = Path(folder) / "report.html"
        program = "import sys; from kb_tests.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "report", str(record), "--html", str(target)]
        try:
            done = subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=REPORT_SECONDS, check=False
            )
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


async def list_sessions(parts: Parts, request: Request) -> Response:
    """Sessions of this user, those of shells and of CI among them."""
    return answer(request, await to_thread.run_sync(parts.watched.listed))


async def show_session(parts: Parts, request: Request) -> Response:
    """Where one session stands."""
    return answer(request, await to_thread.run_sync(parts.watched.row, request.path_params["sid"]))


async def follow_session(parts: Parts, request: Request) -> Response:
    """A session's events, from the beginning or from where a stream ended."""
    session = parts.watched.find(request.path_params["sid"])
    given = request.headers.get("last-event-id") or request.query_params.get("after", "")
    cursor = parse_cursor(given)
    parts.streams.take()
    body = parts.streams.events(
        session,
        cursor,
        lambda: parts.watched.lives(session),
        once=request.query_params.get("once") == "1",
    )
    return StreamingResponse(
        body, media_type="text/event-stream", headers={"x-accel-buffering": "no", "cache-control": "no-store"}
    )


async def session_log(parts: Parts, request: Request) -> Response:
    """What a session that was started here wrote."""
    given = request.query_params.get("offset", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise Problem(HTTPStatus.BAD_REQUEST, "offset is a number of bytes.")
    sid = request.path_params["sid"]
    return answer(request, await to_thread.run_sync(parts.watched.output, sid, int(given)))


async def start_session(parts: Parts, request: Request) -> Response:
    """Start a run as a process of its own."""
    starter = parts.starter
    if starter is None:
        raise Problem(HTTPStatus.FORBIDDEN, "This `kb ui` starts nothing.", "Start it without --read-only.")
    wanted = await body_of(request, StartRequest)
    key = request.headers.get("idempotency-key", "")[:_LONGEST_TEXT]
    accepted = await to_thread.run_sync(lambda: starter.start(wanted, key))
    place = {"location": f"/api/v1/sessions/{accepted.sid}"}
    return answer(request, accepted, HTTPStatus.ACCEPTED, place)


async def stop_session(parts: Parts, request: Request) -> Response:
    """Stop a session as Ctrl-C does."""
    if parts.starter is None:
        raise Problem(HTTPStatus.FORBIDDEN, "This `kb ui` stops nothing.", "Start it without --read-only.")
    wanted = await body_of(request, StopRequest)
    sid = request.path_params["sid"]
    accepted = await to_thread.run_sync(lambda: stop(parts.watched, sid, wanted))
    return answer(request, accepted, HTTPStatus.ACCEPTED)


async def mark_session(parts: Parts, request: Request) -> Response:
    """Note that something was done to the cloud just now."""
    session = parts.watched.find(request.path_params["sid"])
    wanted = await body_of(request, MarkerRequest)
    if not wanted.text.strip():
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "A marker needs words.")
    if not session.alive:
        raise Problem(HTTPStatus.CONFLICT, "The session has ended; a marker belongs into one that runs.")
    await to_thread.run_sync(markers.note, session, wanted.text)
    return answer(request, Accepted(sid=session.sid, sentence="Noted."), HTTPStatus.CREATED)


def answer(
    request: Request,
    shape: BaseModel,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A model as JSON, or 304 where the caller has it."""
    content = shape.model_dump_json().encode("utf-8", "replace")
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if status is HTTPStatus.OK and request.headers.get("if-none-match") == etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": etag})
    return Response(
        content,
        status_code=status,
        media_type="application/json",
        headers={"etag": etag, "cache-control": "no-cache, private"} | dict(headers or {}),
    )


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """A file to keep: it is shown by no page of ours, whose rules it would not keep."""
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


async def body_of(request: Request, model: type[M]) -> M:
    """The JSON of a request as `model`; raises Problem."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body has to be application/json.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}.") from error


async def answered(call: Call, parts: Parts, request: Request) -> Response:
    """What a call answers; an error of ours becomes a problem with its sentence, any other one without."""
    try:
        return await call(parts, request)
    except KbError as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, str(error.args[0] if error.args else error), error.remedy
        ) from error
    except (Problem, ClientDisconnect, asyncio.CancelledError):
        raise
    except Exception as error:
        raise Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            f"Something went wrong here ({type(error).__name__}).",
            "The output of `kb ui` says more.",
        ) from error
