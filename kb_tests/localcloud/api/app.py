"""The ASGI application: one way in for every request of every service."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
import uuid
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kb_tests.localcloud.api import errors, policies
from kb_tests.localcloud.api.auth import NOBODY, authenticate
from kb_tests.localcloud.api.call import Call, Caller, Json
from kb_tests.localcloud.api.errors import ApiError
from kb_tests.localcloud.api.requestlog import SPARED_AGENT
from kb_tests.localcloud.api.routes import Route
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.faults import Kind

log = logging.getLogger(__name__)

_LARGEST_BODY = 8 * 2**20


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class App:
    """Finds the service by the first path segment, then route, caller, microversion, handler.

    The body of a call is read whole (8 MiB at most) but for raw routes, and parsed as a JSON object.
    """

    def __init__(self, cloud: Cloud, services: tuple[Service, ...]) -> None:
        self.cloud = cloud
        self.services: Mapping[str, Service] = {service.prefix: service for service in services}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        started = time.time()
        _, _, rest = scope["path"].partition("/")
        prefix, _, path = rest.partition("/")
        service = self.services.get(prefix)
        identifier = scope["request_id"] = f"req-{uuid.uuid4()}"
        caller = NOBODY
        try:
            if service is None:
                response = errors.keystone(errors.not_found("No service has this path."))
            else:
                response, caller = await self._befall(service, path, request)
                response.headers["x-openstack-request-id"] = identifier
                if service.name == "nova":
                    response.headers["x-compute-request-id"] = identifier
        except ClientDisconnect:
            return
        except _DroppedError:
            self._note(started, request, 0, caller)
            scope["state"]["transport"].abort()
            await asyncio.sleep(0)  # the server notes that the connection is gone
            return
        self._note(started, request, response.status_code, caller)
        await response(scope, receive, send)

    def _note(self, started: float, request: Request, status: int, caller: Caller) -> None:
        agent = request.headers.get("user-agent", "")
        who = (caller.user_id, caller.project_id)
        self.cloud.requests.add(started, request.method, request.url.path, status, agent, *who)

    async def _befall(self, service: Service, path: str, request: Request) -> tuple[Response, Caller]:
        """Answer, unless a fault on request forbids."""
        faults = []
        if service.name != "admin" and request.headers.get("user-agent") != SPARED_AGENT:
            faults = self.cloud.faults.of_call(service.name, request.method, f"/{path}")
        for fault in faults:
            if fault.kind in (Kind.LATENCY, Kind.HANG):
                await asyncio.sleep(fault.seconds)
            if fault.kind is Kind.STATUS:
                headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                if fault.body is not None:
                    return _as_it_is(fault.body, fault.status, headers), NOBODY
                error = ApiError(fault.status, "A fault on request.", "FaultOnRequest", headers)
                return service.render(error), NOBODY
            if fault.kind in (Kind.DROP, Kind.HANG):
                raise _DroppedError
        answer = await self._answer(service, path, request)
        if any(fault.kind is Kind.LOST_ANSWER for fault in faults):
            raise _DroppedError
        return answer

    async def _answer(self, service: Service, path: str, request: Request) -> tuple[Response, Caller]:
        caller = NOBODY
        headers: dict[str, str] = {}
        try:
            route, params = service.routes.find(request.method, path)
            version = (0, 0)
            if service.microversions is not None:
                version = service.microversions.requested(request.headers)
                headers = service.microversions.headers(version)
            caller = self._admit(service, route, request.headers)
            body = {} if route.raw else await _json_object(request)
            response = await route.handler(
                Call(request, self.cloud, params, request.query_params, body, caller, version)
            )
        except ApiError as error:
            response = service.unauthorized(error) if error.status == 401 else service.render(error)
        except ClientDisconnect:
            raise
        except DriverError as error:
            log.warning("%s %s failed: %s", request.method, request.url.path, error)
            response = service.render(ApiError(500, str(error), "DriverError"))
        except Exception:
            log.error("%s %s failed:\n%s", request.method, request.url.path, traceback.format_exc())
            response = service.render(
                ApiError(500, "The local cloud has a bug here: see its log.", "HTTPInternalServerError")
            )
        for name, value in headers.items():
            response.headers[name] = value
        return response, caller

    def _admit(self, service: Service, route: Route, headers: Headers) -> Caller:
        if route.public:
            return NOBODY
        settings = self.cloud.settings
        admin_role = settings.admin_role(service.name)
        caller = authenticate(self.cloud.identity, headers, self.cloud.keystone, admin_role)
        rule = policies.refusal(settings, service.name, route, caller)
        if rule is not None:
            raise errors.forbidden(service.denied.format(rule=rule), "PolicyNotAuthorized")
        return caller


def _as_it_is(body: str, status: int, headers: Mapping[str, str]) -> Response:
    """A text as the answer: what a service, or something before it, says out of turn."""
    try:
        json.loads(body)
    except ValueError:
        return Response(body, status, headers, "text/html")
    return Response(body, status, headers, "application/json")


async def _json_object(request: Request) -> Json:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LARGEST_BODY:
            raise ApiError(413, "The request body is larger than 8 MiB.")
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise errors.bad_request("Malformed request body", "HTTPBadRequest") from None
    if not isinstance(body, dict):
        raise errors.bad_request("The request body must be a JSON object.", "HTTPBadRequest")
    return body
