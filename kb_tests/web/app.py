"""The whole of the UI as one ASGI application: the guard, the API, and the page."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from kb_tests.web import api
from kb_tests.web.archive import Archive
from kb_tests.web.assets import PREFIX, Assets
from kb_tests.web.examining import Examiner
from kb_tests.web.guard import API, Guard
from kb_tests.web.openapi import document
from kb_tests.web.operations import BASE, Operation, Param
from kb_tests.web.problems import Problem
from kb_tests.web.scenarios import Scenarios
from kb_tests.web.shapes import (
    Accepted,
    CloudList,
    Examination,
    ExaminationRequest,
    MarkerRequest,
    PointShape,
    RunList,
    RunShape,
    ScenarioList,
    ScenarioText,
    SessionList,
    SessionLog,
    SessionRow,
    StartRequest,
    StopRequest,
    Version,
)
from kb_tests.web.starting import MAX_SERVERS, Starter
from kb_tests.web.stream import Streams
from kb_tests.web.tokens import Tokens
from kb_tests.web.watched import Watched

log = logging.getLogger(__name__)

PAGES = (
    "/",
    "/runs",
    "/runs/{run}",
    "/runs/{run}/points/{point}",
    "/sessions/{sid}",
    "/new",
    "/clouds",
    "/scenarios",
    "/scenarios/{name}",
    "/api",
    "/about",
)
"""Addresses that are pages: one file, which shows what its address says."""

_STATUS_OF_START = (403, 409, 415, 422, 507)


@dataclass(frozen=True)
class Options:
    """What `kb ui` was started with."""

    reports: Path
    sessions: Path | None = None
    scenarios: Path | None = None
    names: tuple[str, ...] = ()
    max_servers: int = MAX_SERVERS
    read_only: bool = False
    assets: Assets = field(default_factory=Assets)


class App:
    """The application behind the guard, with what it needs to be ended."""

    def __init__(self, options: Options, tokens: Tokens) -> None:
        self.streams = Streams()
        watched = Watched(options.sessions)
        known = Scenarios(options.scenarios)
        starter = Starter(watched, known, options.reports, options.max_servers)
        self._parts = api.Parts(
            archive=Archive(options.reports),
            watched=watched,
            scenarios=known,
            streams=self.streams,
            examiner=Examiner(known, options.reports),
            starter=None if options.read_only else starter,
            document=self.document,
        )
        self.operations = tuple(_operations(self._parts))
        assets = self._assets = options.assets
        self._routes = [
            *(Route(BASE + each.path, _endpoint(each), methods=[each.method]) for each in self.operations),
            *(Route(path, _sync(assets.page), methods=["GET"]) for path in PAGES),
            Route(PREFIX + "{name:path}", _sync(assets.file), methods=["GET"]),
        ]
        self.asgi = Guard(self._serve, tokens, options.names)

    @functools.cache  # noqa: B019 (one application a process)
    def document(self) -> dict[str, Any]:
        """The OpenAPI document of the operations."""
        return document(self.operations, metadata.version("kb-tests"))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        known: set[str] = set()
        for route in self._routes:
            match, more = route.matches(scope)
            if match is Match.FULL:
                scope.update(more)
                await route.handle(scope, receive, send)
                return
            if match is Match.PARTIAL:
                known |= route.methods or set()
        if known:
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"This path answers to {', '.join(sorted(known))}.")
        if scope["path"].startswith((API, PREFIX)):
            raise Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.", "Begin at /.")
        await self._assets.nowhere(Request(scope, receive))(scope, receive, send)


def _endpoint(operation: Operation) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            return await operation.handler(request)
        except Problem as problem:
            if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
                log.error("%s %s", operation.method, operation.path, exc_info=problem)
            return problem.response()

    return endpoint


def _sync(function: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            found: Response = function(request)
        except Problem as problem:
            return problem.response()
        return found

    return endpoint


def _operations(parts: api.Parts) -> Iterable[Operation]:
    def handler(call: api.Call) -> Any:
        return functools.partial(api.answered, call, parts)

    yield Operation("GET", "/healthz", "healthz", "Alive", handler(api.healthz), status=204, open=True)
    yield Operation("GET", "/version", "version", "Suite and role", handler(api.version), answer=Version)
    yield Operation("GET", "/openapi.json", "openapi", "This document", handler(api.openapi))
    yield Operation(
        "GET",
        "/schema/scenario",
        "scenario_schema",
        "JSON schema of scenario files",
        handler(api.scenario_schema),
    )
    yield Operation(
        "GET",
        "/scenarios",
        "list_scenarios",
        "Scenarios that can be run",
        handler(api.list_scenarios),
        answer=ScenarioList,
    )
    yield Operation(
        "GET",
        "/scenarios/{name}",
        "show_scenario",
        "A scenario's text, points and needs",
        handler(api.show_scenario),
        answer=ScenarioText,
        also=(422,),
    )
    yield Operation(
        "GET", "/clouds", "list_clouds", "Names of clouds", handler(api.list_clouds), answer=CloudList
    )
    yield Operation(
        "POST",
        "/clouds/{cloud}/examinations",
        "examine_cloud",
        "What kb doctor finds, the worst first",
        handler(api.examine_cloud),
        body=ExaminationRequest,
        answer=Examination,
        also=(409, 415, 422, 502, 504),
    )
    yield Operation(
        "GET",
        "/runs",
        "list_runs",
        "Runs, the newest first",
        handler(api.list_runs),
        query=(
            Param("cloud", "of this cloud alone"),
            Param("scenario", "with this scenario"),
            Param("outcome", "that ended so"),
            Param("tag", "with this tag"),
            Param("since", "begun so long ago at most, such as 12h"),
            Param("q", "with this in id, cloud, scenario or tag"),
            Param("limit", "so many at most", type="integer"),
            Param("after", "those behind this run"),
        ),
        answer=RunList,
    )
    yield Operation(
        "GET", "/runs/{run}", "show_run", "One run", handler(api.show_run), answer=RunShape, also=(422,)
    )
    yield Operation(
        "GET",
        "/runs/{run}/points/{point}",
        "show_point",
        "One point: checks, seconds, percentiles, hosts",
        handler(api.show_point),
        query=(Param("attempt", "which attempt at it, 1 by default", type="integer"),),
        answer=PointShape,
        also=(422,),
    )
    yield Operation(
        "GET", "/runs/{run}/record", "download_record", "The record, as a file", handler(api.download_record)
    )
    yield Operation(
        "GET",
        "/runs/{run}/report",
        "download_report",
        "The report, as one HTML file",
        handler(api.download_report),
        media="text/html",
        also=(500, 504),
    )
    yield Operation(
        "GET",
        "/sessions",
        "list_sessions",
        "Live and recent sessions",
        handler(api.list_sessions),
        answer=SessionList,
    )
    yield Operation(
        "POST",
        "/sessions",
        "start_session",
        "Start a run: exactly what was shown",
        handler(api.start_session),
        query=(Param("Idempotency-Key", "asked twice, started once", place="header"),),
        body=StartRequest,
        answer=Accepted,
        status=202,
        also=_STATUS_OF_START,
    )
    yield Operation(
        "GET",
        "/sessions/{sid}",
        "show_session",
        "Where a session stands",
        handler(api.show_session),
        answer=SessionRow,
    )
    yield Operation(
        "GET",
        "/sessions/{sid}/events",
        "follow_session",
        "A session's events",
        handler(api.follow_session),
        query=(
            Param("after", "the cursor of the last event that was seen"),
            Param("once", "1: what is there, and no more"),
            Param("Last-Event-ID", "as after", place="header"),
        ),
        media="text/event-stream",
        also=(410, 503),
    )
    yield Operation(
        "GET",
        "/sessions/{sid}/log",
        "session_log",
        "What a session wrote",
        handler(api.session_log),
        query=(Param("offset", "from this byte on", type="integer"),),
        answer=SessionLog,
    )
    yield Operation(
        "POST",
        "/sessions/{sid}/stop",
        "stop_session",
        "Stop, as Ctrl-C does",
        handler(api.stop_session),
        body=StopRequest,
        answer=Accepted,
        status=202,
        also=(409, 415, 422),
    )
    yield Operation(
        "POST",
        "/sessions/{sid}/markers",
        "mark_session",
        "Note that something was done to the cloud",
        handler(api.mark_session),
        body=MarkerRequest,
        answer=Accepted,
        status=201,
        also=(409, 415, 422),
    )
