"""Sessions over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.events import markers
from kb_tests.web.calls import LONGEST_TEXT, Parts, answer, body_of
from kb_tests.web.operations import Operation, Param
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.plans import StartRequest
from kb_tests.web.shapes.sessions import (
    Accepted,
    MarkerRequest,
    SessionList,
    SessionLog,
    SessionRow,
    StopRequest,
)
from kb_tests.web.stopping import stop
from kb_tests.web.stream import parse_cursor

LARGEST_OFFSET = 10**15
_STATUS_OF_START = (403, 404, 409, 415, 422, 507)


async def list_sessions(parts: Parts, request: Request) -> Response:
    """Sessions of this user, those of shells and of CI among them."""
    return answer(request, await to_thread.run_sync(parts.watched.listed))


async def start_session(parts: Parts, request: Request) -> Response:
    """Start a run as a process of its own."""
    starter = parts.starter
    if starter is None:
        raise Problem(HTTPStatus.FORBIDDEN, "This `kb ui` starts nothing.", "Start it without --read-only.")
    wanted = await body_of(request, StartRequest)
    key = request.headers.get("idempotency-key", "")
    if len(key) > LONGEST_TEXT:  # two of them may differ behind that
        raise Problem(HTTPStatus.BAD_REQUEST, f"An Idempotency-Key has {LONGEST_TEXT} characters at most.")
    accepted = await to_thread.run_sync(lambda: starter.start(wanted, key))
    parts.looker.forget()
    place = {"location": f"/api/v1/sessions/{accepted.sid}"}
    return answer(request, accepted, HTTPStatus.ACCEPTED, place)


async def show_session(parts: Parts, request: Request) -> Response:
    """Where one session stands."""
    return answer(request, await to_thread.run_sync(parts.watched.row, request.path_params["sid"]))


async def follow_session(parts: Parts, request: Request) -> Response:
    """A session's events, from the beginning or from where a stream ended."""
    session = parts.watched.find(request.path_params["sid"])
    given = request.headers.get("last-event-id") or request.query_params.get("after", "")
    cursor = parse_cursor(given)
    body = parts.streams.events(
        session,
        cursor,
        lambda: parts.watched.lives(session),
        once=request.query_params.get("once") == "1",
    )
    return parts.streams.answer(body, request.scope["kb_role"])


async def session_log(parts: Parts, request: Request) -> Response:
    """What a session that was started here wrote."""
    given = request.query_params.get("offset", "0")
    if not (given.isascii() and given.isdigit() and int(given[:20]) <= LARGEST_OFFSET):
        raise Problem(HTTPStatus.BAD_REQUEST, "offset is a number of bytes.")
    sid = request.path_params["sid"]
    return answer(request, await to_thread.run_sync(parts.watched.output, sid, int(given)))


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


OPERATIONS = (
    Operation(
        "GET",
        "/sessions",
        "list_sessions",
        "Live and recent sessions",
        list_sessions,
        answer=SessionList,
    ),
    Operation(
        "POST",
        "/sessions",
        "start_session",
        "Start a run: exactly what was shown",
        start_session,
        query=(Param("Idempotency-Key", "asked twice, started once", place="header"),),
        body=StartRequest,
        answer=Accepted,
        status=202,
        also=_STATUS_OF_START,
    ),
    Operation(
        "GET",
        "/sessions/{sid}",
        "show_session",
        "Where a session stands",
        show_session,
        answer=SessionRow,
    ),
    Operation(
        "GET",
        "/sessions/{sid}/events",
        "follow_session",
        "A session's events",
        follow_session,
        query=(
            Param("after", "the cursor of the last event that was seen"),
            Param("once", "1: what is there, and no more"),
            Param("Last-Event-ID", "as after", place="header"),
        ),
        media="text/event-stream",
        also=(410, 503),
    ),
    Operation(
        "GET",
        "/sessions/{sid}/log",
        "session_log",
        "What a session wrote",
        session_log,
        query=(Param("offset", "from this byte on", type="integer", least=0, most=LARGEST_OFFSET),),
        answer=SessionLog,
    ),
    Operation(
        "POST",
        "/sessions/{sid}/stop",
        "stop_session",
        "Stop, as Ctrl-C does",
        stop_session,
        body=StopRequest,
        answer=Accepted,
        status=202,
        also=(409, 415, 422),
    ),
    Operation(
        "POST",
        "/sessions/{sid}/markers",
        "mark_session",
        "Note that something was done to the cloud",
        mark_session,
        body=MarkerRequest,
        answer=Accepted,
        status=201,
        also=(409, 415, 422),
    ),
)
