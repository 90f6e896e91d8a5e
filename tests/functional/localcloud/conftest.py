"""A local cloud without data plane in a process of its own, and clients of it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from kb_tests.localcloud import control


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


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"
