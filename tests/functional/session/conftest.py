"""A local cloud that outlives the sessions which are run on it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.localcloud import control
from kb_tests.localcloud.control import Running
from tests.functional.cloud.member import member
from tests.functional.session.suite import Suite


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("cloud")
    yield control.up(folder, parent_pid=os.getpid())
    control.down(folder)


@pytest.fixture
def suite(running: Running, tmp_path: Path, request: pytest.FixtureRequest) -> Suite:
    """Of sessions that bear a busy machine, but in modules that are `STRICT` about their instruments."""
    return Suite(running, tmp_path, bearing=not getattr(request.module, "STRICT", False))


@pytest.fixture
def as_member(running: Running, tmp_path: Path) -> Iterator[Path]:
    """A clouds.yaml with no right to make projects: all its runs are in the same one."""
    with warnings.catch_warnings(action="ignore"):
        cloud = connect(running.cloud, running.clouds_yaml)
        with member(cloud, tmp_path) as clouds_yaml:
            yield clouds_yaml
        cloud.close()
