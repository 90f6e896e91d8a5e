"""The table of a service's calls: method, path template, handler, who may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call
from kb_tests.localcloud.api.errors import ApiError

Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """One call. `admin` is the policy rule that only an administrator passes; `public` needs no token;
    `raw` leaves the body unread.
    """

    method: str
    template: str
    segments: tuple[str, ...]
    handler: Handler
    admin: str | None
    public: bool
    raw: bool


@dataclass
class Routes:
    """Filled by the decorator that `add` returns; looked up by number of path segments."""

    _by_length: dict[int, list[Route]] = field(default_factory=dict)

    def add(
        self, method: str, template: str, *, admin: str | None = None, public: bool = False, raw: bool = False
    ) -> Callable[[Handler], Handler]:
        """Decorate the handler of `method template`, for example `GET /v3/projects/{project_id}`."""

        def register(handler: Handler) -> Handler:
            segments = tuple(template.strip("/").split("/"))
            routes = self._by_length.setdefault(len(segments), [])
            routes.append(Route(method, template, segments, handler, admin, public, raw))
            # A literal segment wins over a parameter in the same place.
            routes.sort(key=lambda route: [segment.startswith("{") for segment in route.segments])
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a path, with its parameters.

        Raises:
            ApiError: 404, no such path; 405, it has other methods only.

        """
        parts = tuple(path.strip("/").split("/"))
        known = False
        for route in self._by_length.get(len(parts), ()):
            params = _match(route.segments, parts)
            if params is None:
                continue
            if route.method == method or (method == "HEAD" and route.method == "GET"):
                return route, params
            known = True
        if known:
            raise ApiError(405, "The method is not allowed for this resource.", "HTTPMethodNotAllowed")
        raise ApiError(404, "The resource could not be found.", "HTTPNotFound")


def _match(segments: tuple[str, ...], parts: tuple[str, ...]) -> dict[str, str] | None:
    params = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            params[segment[1:-1]] = part
        elif segment != part:
            return None
    return params
