"""A cloud without data plane in this process, called through its ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.null import NullDriver
from kb_tests.localcloud.services import application

T = TypeVar("T")

ADMIN_PASSWORD = "for-tests"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Client:
    """Calls as one user; `run` drives a test's coroutine with the cloud's own tasks beside it."""

    def __init__(self, folder: Path, driver: NullDriver | None = None) -> None:
        self.driver = driver or NullDriver()
        self.cloud = Cloud("http://cloud.test", self.driver, folder)
        self.cloud.bootstrap(ADMIN_PASSWORD)
        self.app = application(self.cloud)
        self.token = ""

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        wanted = {"x-auth-token": self.token if token is None else token, **(headers or {})}
        location, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(location),
            "raw_path": location.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in wanted.items()],
            "state": {},
        }
        messages = [{"type": "http.request", "body": sent, "more_body": False}]
        answered: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answered.append(message)

        await self.app(scope, receive, send)
        start = answered[0]
        body_parts = b"".join(message.get("body", b"") for message in answered[1:])
        return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, body_parts)

    async def log_in(
        self, name: str = "admin", password: str = ADMIN_PASSWORD, project: str = "admin"
    ) -> str:
        auth = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": name, "password": password, "domain": {"id": "default"}}},
                },
                "scope": {"project": {"name": project, "domain": {"id": "default"}}},
            }
        }
        answer = await self.call("POST", "/identity/v3/auth/tokens", auth)
        assert answer.status == 201, answer.raw
        return answer.headers["x-subject-token"]

    async def tenant(self, name: str) -> str:
        """A project with a user of its own; returns the user's token."""
        admin = await self.log_in()
        project = await self.call("POST", "/identity/v3/projects", {"project": {"name": name}}, token=admin)
        user = await self.call(
            "POST", "/identity/v3/users", {"user": {"name": name, "password": "pw"}}, token=admin
        )
        role = self.cloud.identity.role_named("member")
        path = f"/identity/v3/projects/{project.json['project']['id']}/users/{user.json['user']['id']}"
        assert (await self.call("PUT", f"{path}/roles/{role}", token=admin)).status == 204
        return await self.log_in(name, "pw", name)

    def run(self, test: Coroutine[Any, Any, T]) -> T:
        async def main() -> T:
            self.token = await self.log_in()
            self.cloud.spawn(self.cloud.dataplane.run())
            try:
                return await test
            finally:
                await self.cloud.stop()

        return asyncio.run(main())

    async def network(self, cidr: str = "10.1.0.0/24", **more: object) -> tuple[str, str]:
        """A network with one subnet: their ids."""
        network = await self.call("POST", "/networking/v2.0/networks", {"network": {"name": "n"}})
        network_id = network.json["network"]["id"]
        given = {"network_id": network_id, "cidr": cidr, "ip_version": 4, **more}
        subnet = await self.call("POST", "/networking/v2.0/subnets", {"subnet": given})
        return network_id, subnet.json["subnet"]["id"]

    def image_and_flavor(self) -> dict[str, str]:
        image = next(iter(self.cloud.images.images))
        return {"imageRef": image, "flavorRef": next(iter(self.cloud.compute.flavors))}

    async def boot(self, network_id: str, name: str = "s", count: int = 1, **more: object) -> None:
        """Servers, when they are no longer in BUILD."""
        given = {
            "name": name,
            "networks": [{"uuid": network_id}],
            "min_count": count,
            **self.image_and_flavor(),
        }
        answer = await self.call("POST", "/compute/v2.1/servers", {"server": {**given, **more}})
        assert answer.status == 202, answer.raw
        await self.settle()

    async def settle(self) -> None:
        """Let what goes on beside the API come to its end."""
        for _ in range(200):
            await asyncio.sleep(0)
