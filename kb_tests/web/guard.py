"""What every request has to pass before anything looks at it, and what every answer carries.

The UI can spend money, and every page that its user has open can send requests to 127.0.0.1. So: only names
of this machine as `Host` (DNS rebinding), only known methods, no change asked for by another origin, a token
in a header that no browser adds by itself, bounded bodies, and no CORS header at all. What it shows comes
from servers and clouds, so that pages may run no script but ours, and put no text into the page as markup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kb_tests.web.problems import Problem
from kb_tests.web.tokens import Role, Tokens

LARGEST_BODY = 1 << 20
BODY_SECONDS = 30.0
"""Within which a body has to be there."""

LONGEST_TARGET = 4096
"""Bytes of a path and query."""

LONGEST_PAGE = 24 << 10
"""Those of a page's address, which the page alone reads: it may name some hundred points."""

NAMES = ("127.0.0.1", "localhost", "[::1]")
"""What this machine is called by itself; the port is free, since ssh forwards have another one."""

SAFE = ("GET", "HEAD")
METHODS = (*SAFE, "POST", "PUT", "DELETE")
API = "/api/"
OPEN = ("/api/v1/healthz",)
"""What answers without a token: it says nothing."""

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """An ASGI application around `app`; `names` are further names that `Host` may give, `methods` says which
    ones a path has.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        names: Iterable[str] = (),
        methods: Callable[[Scope], Iterable[str]] = lambda _: METHODS,
    ) -> None:
        self._app = app
        self._methods = methods
        self._tokens = tokens
        self._names = frozenset(name.lower() for name in (*NAMES, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let `app` do so."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        begun = False

        async def guarded_send(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], *HEADERS, *_freshness(message)]
            await send(message)

        try:
            scope["kb_role"] = self._role(scope)
            await self._app(scope, _bounded(receive), guarded_send)
        except Problem as problem:
            if not begun:
                await problem.response()(scope, receive, guarded_send)
        except ClientDisconnect:
            return

    def _role(self, scope: Scope) -> Role | None:
        """Who asks, None where nobody has to say; raises Problem for what is refused."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        host = _one(headers, b"host") or b""
        if _name(host) not in self._names:
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server answers to names of its own machine alone.",
                "Ask for 127.0.0.1 or localhost, or start `kb ui` with --host-name.",
            )
        longest = LONGEST_TARGET if scope["path"].startswith(API) else LONGEST_PAGE
        if len(scope["path"]) + len(scope["query_string"]) > longest:
            raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long.")
        method = scope["method"]
        if method not in METHODS:
            raise _not_allowed("This method is not served.", self._methods(scope))
        if method not in SAFE:
            _same_origin(headers, host)
        if {b"content-length", b"transfer-encoding"} <= {key.lower() for key, _ in headers}:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "A body says in one way how long it is.",
                headers={"connection": "close"},
            )
        length = _one(headers, b"content-length") or b"0"
        if not length.isdigit() or int(length) > LARGEST_BODY:
            raise _too_large()
        if not scope["path"].startswith(API) or scope["path"] in OPEN:
            if method not in SAFE:
                raise _not_allowed("Nothing is changed here.", SAFE)
            return None
        role = self._tokens.role(_one(headers, b"authorization"))
        if role is None:
            if self._tokens.tried_too_often():
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens came lately.", "Wait a minute."
                )
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "The token is missing, or not that of this start of `kb ui`.",
                "Open the address that `kb ui` printed.",
            )
        if role is Role.VIEWER and method not in SAFE:
            raise Problem(HTTPStatus.FORBIDDEN, "This token may look, and change nothing.")
        return role


def _one(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The only header `name`; None if there is none, or several, which two readers may read differently."""
    found = [value for key, value in headers if key.lower() == name]
    return found[0] if len(found) == 1 else None


def _name(host: bytes) -> str:
    """The name in a `Host` header, without its port; "" if it is not well formed."""
    text = host.decode("latin-1").lower()
    name, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        return text
    return name if port.isascii() and port.isdigit() else ""


def _same_origin(headers: list[tuple[bytes, bytes]], host: bytes) -> None:
    """Raises Problem where a page of another origin asks for a change."""
    sites = [value for key, value in headers if key.lower() == b"sec-fetch-site"]
    origins = [value for key, value in headers if key.lower() == b"origin"]
    own = [b"http://" + host, b"https://" + host]
    if any(site not in (b"same-origin", b"none") for site in sites) or any(o not in own for o in origins):
        raise Problem(HTTPStatus.FORBIDDEN, "A page of another origin may change nothing here.")


def _not_allowed(sentence: str, methods: Iterable[str]) -> Problem:
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, sentence, headers={"allow": ", ".join(methods)})


def _too_large() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have {LARGEST_BODY} bytes, and has to say how many."
    )


def _bounded(receive: Receive) -> Receive:
    """`receive`, which gives no more than a body may have, whatever its header says."""
    seen = 0
    whole = False
    until: float | None = None

    async def bounded() -> Message:
        nonlocal seen, whole, until
        if whole:
            return await receive()  # until whoever asked is gone
        until = until or asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "The body did not come.") from None
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > LARGEST_BODY:
                raise _too_large()
        return message

    return bounded


def _freshness(message: Message) -> list[tuple[bytes, bytes]]:
    """Answers of the API are kept nowhere; others say for themselves."""
    known = any(key.lower() == b"cache-control" for key, _ in message["headers"])
    return [] if known else [(b"cache-control", b"no-store")]
