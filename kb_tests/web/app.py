"""The whole of the UI as one ASGI application: the guard, the API, and the page."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from kb_tests.web.archive import Archive
from kb_tests.web.assets import PREFIX, Assets
from kb_tests.web.calls import Parts, answered
from kb_tests.web.cleaning import Cleaner
from kb_tests.web.examining import Examiner
from kb_tests.web.guard import API, Guard
from kb_tests.web.looking import Looker
from kb_tests.web.openapi import document
from kb_tests.web.operations import BASE, Operation
from kb_tests.web.planning import Limits, Planner
from kb_tests.web.problems import Problem
from kb_tests.web.routes import OPERATIONS
from kb_tests.web.saved import Saved
from kb_tests.web.scenarios import Scenarios
from kb_tests.web.starting import MAX_MINUTES, MAX_SERVERS, Starter
from kb_tests.web.stream import Streams
from kb_tests.web.tokens import Tokens
from kb_tests.web.waits import Waits
from kb_tests.web.watched import Watched

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What `kb ui` was started with."""

    reports: Path
    sessions: Path | None = None
    scenarios: Path | None = None
    names: tuple[str, ...] = ()
    saved: Path | None = None
    """The folder of scenarios that are saved from the pages; beside that of the sessions by default."""
    max_servers: int = MAX_SERVERS
    max_minutes: float = MAX_MINUTES
    allow_hooks: bool = False
    """Whether scenarios of `scenarios` may run commands on this machine."""
    proxy_command: str = ""
    """How every run that is started reaches its servers: its user's word, which no request can say."""
    read_only: bool = False
    assets: Assets = field(default_factory=Assets)


class App:
    """The application behind the guard, with what it needs to be ended."""

    def __init__(self, options: Options, tokens: Tokens) -> None:
        self.streams = Streams()
        watched = Watched(options.sessions)
        own = options.saved or watched.folder.parent / "scenarios"
        known = Scenarios(options.scenarios, own, allow_hooks=options.allow_hooks)
        limits = Limits(options.max_servers, options.max_minutes)
        planner = Planner(known, limits, options.proxy_command, watched.folder.parent / "runs")
        starter = Starter(watched, planner, options.reports)
        self._parts = Parts(
            archive=Archive(options.reports),
            watched=watched,
            scenarios=known,
            streams=self.streams,
            examiner=Examiner(known, options.reports),
            looker=Looker(),
            cleaner=Cleaner(watched.folder.parent / "cleanups"),
            planner=planner,
            starter=None if options.read_only else starter,
            saved=None if options.read_only else Saved(known),
            waits=Waits(),
            document=self.document,
        )
        self.operations = OPERATIONS
        assets = self._assets = options.assets
        self._routes = [
            *(
                Route(BASE + each.path, _endpoint(each, self._parts), methods=[each.method])
                for each in self.operations
            ),
            *(
                Route(path, _sync(functools.partial(assets.page, path)), methods=["GET"])
                for path in assets.pages()
            ),
            Route(PREFIX + "{name:path}", _sync(assets.file), methods=["GET"]),
        ]
        self.asgi = Guard(self._serve, tokens, options.names, self._methods)

    @functools.cache  # noqa: B019 (one application a process)
    def document(self) -> dict[str, Any]:
        """The OpenAPI document of the operations."""
        return document(self.operations, metadata.version("kb-tests"))

    def _methods(self, scope: Scope) -> list[str]:
        """Those that the path answers to."""
        found = (
            route.methods or set() for route in self._routes if route.matches(scope)[0] is not Match.NONE
        )
        return sorted(set().union(*found))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in self._routes:
            match, more = route.matches(scope)
            if match is Match.FULL:
                scope.update(more)
                await route.handle(scope, receive, send)
                return
        if known := self._methods(scope):
            methods = ", ".join(known)
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"This path answers to {methods}.",
                headers={"allow": methods},
            )
        if scope["path"].startswith((API, PREFIX)):
            raise Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.", "Begin at /.")
        await self._assets.nowhere(Request(scope, receive))(scope, receive, send)


def _endpoint(operation: Operation, parts: Parts) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            return await answered(operation.handler, parts, request)
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
