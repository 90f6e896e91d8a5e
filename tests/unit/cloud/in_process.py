"""A local cloud without data plane in this process, at the other end of openstacksdk's sessions."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.patience import Patience
from kb_tests.cloud.transport import Adapter
from tests.unit.localcloud.asgi import ADMIN_PASSWORD, Client

NAME = "kb-local"
HURRIED = Patience(first_wait=0.001, back_off=0.1, questions=1.0, look=0.01, settle=0.01, again=0.01)
URL = "http://cloud.test"

Sent = requests.PreparedRequest
Send = Callable[[], requests.Response]
Fault = Callable[[Sent, Send], requests.Response]


class InProcess:
    """One cloud; `fault`, where it is set, answers in its place, and may call it."""

    def __init__(self, folder: Path) -> None:
        self.client = Client(folder / "cloud")
        self.fault: Fault | None = None
        self.seen: list[Sent] = []
        self.clouds_yaml = folder / "clouds.yaml"
        auth = {
            "auth_url": f"{URL}/identity/v3",
            "username": "admin",
            "password": ADMIN_PASSWORD,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        entry = {"auth": auth, "region_name": "RegionOne"}
        self.clouds_yaml.write_text(json.dumps({"clouds": {NAME: entry}}))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @functools.cached_property
    def admin(self) -> Cloud:
        """Its administrator's connection: a new one has all services to find first."""
        return connect(NAME, self.clouds_yaml, HURRIED)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While it lasts, the adapter of all sessions leads here."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Adapter.__base__, "send", lambda _adapter, request, **_: self.send(request))
                yield
        finally:
            asyncio.run_coroutine_threadsafe(self.client.cloud.stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _begin(self) -> None:
        self.client.cloud.spawn(self.client.cloud.dataplane.run())

    def send(self, request: Sent) -> requests.Response:
        """What the cloud answers, or the fault."""
        self.seen.append(request)
        if self.fault is not None:
            return self.fault(request, lambda: self._answer(request))
        return self._answer(request)

    def _answer(self, request: Sent) -> requests.Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        call = self.client.call(
            request.method or "GET",
            request.path_url,
            raw=body,  # type: ignore[arg-type]
            token=str(request.headers.get("X-Auth-Token", "")),
            headers={key: str(value) for key, value in request.headers.items()},
        )
        answer = asyncio.run_coroutine_threadsafe(call, self._loop).result()
        return response(request, answer.status, answer.raw, answer.headers)


def response(
    request: Sent, status: int, body: bytes, headers: dict[str, str] | None = None
) -> requests.Response:
    """An answer as requests makes it."""
    made = requests.Response()
    made.status_code = status
    made.request = request
    made.url = request.url or ""
    made.headers = CaseInsensitiveDict(headers or {"Content-Type": "application/json"})
    made._content = body
    return made
