"""What the operations work on, and how they read requests and answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from kb_tests.errors import KbError
from kb_tests.report.printable import straight
from kb_tests.web.archive import Archive
from kb_tests.web.cleaning import Cleaner
from kb_tests.web.examining import Examiner
from kb_tests.web.looking import Looker
from kb_tests.web.planning import Planner
from kb_tests.web.problems import Problem
from kb_tests.web.saved import Saved
from kb_tests.web.scenarios import Scenarios
from kb_tests.web.starting import Starter
from kb_tests.web.stream import Streams
from kb_tests.web.waits import Waits
from kb_tests.web.watched import Watched

LONGEST_TEXT = 300
"""Characters of a text in a query or a header that are looked at."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Parts:
    """What the operations work on; `starter` and `saved` are None where nothing may be changed from here."""

    archive: Archive
    watched: Watched
    scenarios: Scenarios
    streams: Streams
    planner: Planner
    starter: Starter | None
    saved: Saved | None
    examiner: Examiner
    looker: Looker
    cleaner: Cleaner
    waits: Waits
    document: Callable[[], Mapping[str, Any]]


Call = Callable[[Parts, Request], Awaitable[Response]]


def answer(
    request: Request,
    shape: BaseModel,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A model as JSON, or 304 where the caller has it."""
    return _answered(request, shape.model_dump_json(), status, headers)


def told(request: Request, shape: BaseModel) -> Response:
    """What clouds and servers say, to be read and not to be sent back: no name turns a sentence round."""
    return _answered(request, straight(shape.model_dump_json()), HTTPStatus.OK, None)


def _answered(request: Request, text: str, status: HTTPStatus, headers: Mapping[str, str] | None) -> Response:
    content = text.encode("utf-8", "replace")
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
