"""Errors as answers: raised by any handler, rendered in the shape of the service that was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from starlette.responses import Response

TITLES = {
    300: "Multiple Choices",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}

_COMPUTE_KEYS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    406: "computeFault",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


class ApiError(Exception):
    """An answer of 4xx or 5xx. `kind` is the exception name that Neutron shows as `type`."""

    def __init__(
        self, status: int, message: str, kind: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.headers = dict(headers or {})


def bad_request(message: str, kind: str = "BadRequest") -> ApiError:
    """400."""
    return ApiError(400, message, kind)


def forbidden(message: str, kind: str = "Forbidden") -> ApiError:
    """403."""
    return ApiError(403, message, kind)


def not_found(message: str, kind: str = "NotFound") -> ApiError:
    """404."""
    return ApiError(404, message, kind)


def conflict(message: str, kind: str = "Conflict") -> ApiError:
    """409."""
    return ApiError(409, message, kind)


def not_implemented(message: str) -> ApiError:
    """501: OpenStack has it, this cloud has not."""
    return ApiError(501, message, "NotImplemented")


def _json(error: ApiError, body: object) -> Response:
    return Response(json.dumps(body), error.status, error.headers, "application/json")


def keystone(error: ApiError) -> Response:
    """`{"error": {code, message, title}}`; also what every service answers to a missing token."""
    title = TITLES.get(error.status, "Error")
    return _json(error, {"error": {"code": error.status, "message": error.message, "title": title}})


def neutron(error: ApiError) -> Response:
    """`{"NeutronError": {type, message, detail}}`."""
    kind = error.kind or f"HTTP{TITLES.get(error.status, 'Error').replace(' ', '')}"
    return _json(error, {"NeutronError": {"type": kind, "message": error.message, "detail": ""}})


def nova(error: ApiError) -> Response:
    """`{key: {code, message}}`, the key being that of the status; HTML for a path that is none."""
    if error.kind in ("HTTPNotFound", "HTTPMethodNotAllowed"):
        return glance(ApiError(404, "The resource could not be found."))
    key = _COMPUTE_KEYS.get(error.status, "computeFault")
    return _json(error, {key: {"code": error.status, "message": error.message}})


def cinder(error: ApiError) -> Response:
    """As Nova's."""
    return nova(error)


def glance(error: ApiError) -> Response:
    """An HTML page, as Glance answers whoever does not ask for JSON."""
    title = f"{error.status} {TITLES.get(error.status, 'Error')}"
    html = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {escape(error.message)}<br /><br />\n\n\n </body>\n</html>"
    )
    return Response(html, error.status, error.headers, "text/html")
