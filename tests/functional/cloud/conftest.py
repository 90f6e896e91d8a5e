"""A local cloud without data plane, seen as any cloud in clouds.yaml; and ways to make it misbehave."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.transport import Adapter
from kb_tests.localcloud import control
from tests.functional.cloud.operator import Operator

IMAGE = "kb-node"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Openstacksdk 4.22 warns of what it does itself, with every call."""
    for item in items:
        if "functional/cloud" in item.path.as_posix():
            item.add_marker(
                pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning")
            )
            item.add_marker(pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    folder = tmp_path_factory.mktemp("localcloud")
    yield control.up(folder, driver="null", parent_pid=os.getpid())
    control.down(folder)


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A cloud of one's own, to set as one likes."""
    folder = tmp_path_factory.mktemp("operator")
    running = control.up(folder / "state", driver="null", parent_pid=os.getpid())
    cloud = connect(running.cloud, running.clouds_yaml)
    yield Operator(running, cloud, folder)
    cloud.close()
    control.down(folder / "state")


@pytest.fixture
def settings(operator: Operator) -> Iterator[Callable[..., None]]:
    """Sets that cloud for one test."""
    before = operator.client.settings()
    yield operator.client.set
    operator.client.set(**{name.replace("-", "_"): value for name, value in before.items()})


@pytest.fixture(scope="module")
def cloud(local: control.Running) -> Iterator[Cloud]:
    cloud = connect(local.cloud, local.clouds_yaml)
    yield cloud
    cloud.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where journals are."""
    return tmp_path / "runs"


@pytest.fixture
def journal(local: control.Running, folder: Path) -> Iterator[Journal]:
    journal = Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder)
    yield journal
    journal.release()


def everything(cloud: Cloud) -> dict[str, set[str]]:
    """Ids of all there is on the cloud, by kind, whoever it belongs to."""
    found = {
        name: {str(item.id) for item in kind.listing(cloud, None)}
        for name, kind in KINDS.items()
        if not kind.needs_volumes
    }
    found["quota"] = {quota.project_id for quota in cloud.connection.network.quotas()}
    return found


@pytest.fixture
def nothing_left(cloud: Cloud) -> Iterator[None]:
    """The cloud is after the test as it was before."""
    before = everything(cloud)
    yield
    after = everything(cloud)
    left = {kind: ids - before[kind] for kind, ids in after.items() if ids != before[kind]}
    assert left == {}


Fault = Callable[[requests.PreparedRequest, Callable[[], requests.Response]], requests.Response | None]


class Faults:
    """Stands between every connection and the cloud; `inject` sets what happens to a request."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._fault: Fault | None = None

    def inject(self, fault: Fault | None) -> None:
        """From now on `fault(request, send)` may answer, raise, or (None) let the request pass."""
        self._fault = fault

    def send(
        self, request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        self.seen.append(f"{request.method} {request.path_url}")
        answer = self._fault(request, send) if self._fault else None
        return send() if answer is None else answer


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    faults = Faults()
    original = Adapter.send

    def send(adapter: Any, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        return faults.send(request, lambda: original(adapter, request, *args, **kwargs))

    monkeypatch.setattr(Adapter, "send", send)
    yield faults
    faults.inject(None)


def answer(request: requests.PreparedRequest, status: int, **headers: str) -> requests.Response:
    """An error as an API gives it."""
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.url = request.url or ""
    response.headers.update(headers)
    response.headers["Content-Type"] = "application/json"
    response._content = b'{"error": {"code": %d, "message": "injected"}}' % status
    return response
