"""A local cloud without data plane in a process of its own, and clients of it."""

from __future__ import annotations

import json
import os
import shlex
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Openstacksdk 4.22 warns of what it does itself."""
    for item in items:
        if "functional/localcloud" in item.path.as_posix():
            for warning in ("OpenStackDeprecationWarning", "_RemovedInSDKWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::openstack.warnings.{warning}"))


Command = Callable[[str], Any]


@pytest.fixture(scope="session")
def null_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    folder = tmp_path_factory.mktemp("localcloud")
    yield control.up(folder, driver="null", parent_pid=os.getpid())
    assert control.down(folder)


def connect(running: control.Running, **auth: str) -> Any:
    """Openstacksdk as users have it: a cloud by name in a clouds.yaml, or another user of it.

    Any, because the proxies' types are unions over API versions.
    """
    with warnings.catch_warnings():
        # openstacksdk 4.22 warns of its own default for InfluxDB.
        warnings.simplefilter("ignore")
        config = OpenStackConfig(config_files=[str(running.clouds_yaml)])
        region = config.get_one(cloud=running.cloud, argparse=None)
        if auth:
            region.config["auth"] = {"auth_url": region.config["auth"]["auth_url"]} | auth
            region = config.get_one(**region.config)
        return Connection(config=region)


@pytest.fixture(scope="session")
def admin(null_cloud: control.Running) -> Iterator[Any]:
    connection = connect(null_cloud)
    yield connection
    connection.close()


@dataclass
class Tenant:
    id: str
    user_id: str
    connection: Any


@pytest.fixture
def tenant(admin: Any, null_cloud: control.Running, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    name = f"kb-{request.node.name}"[:60]
    project = admin.identity.create_project(name=name, domain_id="default", description="for a test")
    user = admin.identity.create_user(
        name=name, password="pw", domain_id="default", default_project_id=project.id
    )
    role = admin.identity.find_role("member")
    admin.identity.assign_project_role_to_user(project, user, role)
    connection = connect(
        null_cloud, username=name, password="pw", project_id=project.id, user_domain_id="default"
    )
    yield Tenant(project.id, user.id, connection)
    connection.close()
    admin.identity.delete_user(user)
    admin.identity.delete_project(project)


@pytest.fixture
def choose(null_cloud: control.Running) -> Iterator[Callable[..., None]]:
    """Sets settings for one test."""
    client = AdminClient(null_cloud)
    before = client.settings()
    yield client.set
    client.set(**{name.replace("-", "_"): value for name, value in before.items()})


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def openstack_client(
    running: control.Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Run `openstack ...` as a user would, but in this process; what it prints as JSON is returned."""
    from openstackclient import shell  # warns of its own libraries: an error while tests are collected
    from osc_lib.clientmanager import ClientCache, ClientManager

    # They are attributes of the class: this process may have clients of a cloud that is gone.
    for cache in vars(ClientManager).values():
        if isinstance(cache, ClientCache):
            cache._handle = None

    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(running.clouds_yaml))
    monkeypatch.setenv("OS_CLOUD", running.cloud)

    def run(command: str) -> Any:
        words = shlex.split(command)
        if (
            any(word in ("list", "show", "create", "issue", "stats") for word in words[:4])
            and words[0] != "console"
        ):
            words += ["-f", "json"]
        capfd.readouterr()
        code = shell.main(words)
        out, err = capfd.readouterr()
        assert code == 0, f"openstack {command}\n{out}\n{err}"
        try:
            return json.loads(out)
        except ValueError:
            return out

    return run
