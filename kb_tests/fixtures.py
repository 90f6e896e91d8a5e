"""The fixtures: an API, since a user's own tests take them too.

Every pytest session of whoever installed the suite imports this module, so that each fixture imports what it
needs when it is used.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from kb_tests.cloud.connect import Cloud
    from kb_tests.cloud.topology import Topology
    from kb_tests.fleet.fleet import Fleet
    from kb_tests.localcloud.control import Running
    from kb_tests.session.http.runner import HttpRunner
    from kb_tests.session.selection import Target
    from kb_tests.session.storage.runner import StorageRunner

Runner = TypeVar("Runner", "HttpRunner", "StorageRunner")


@pytest.fixture(scope="session")
def kb_scenario(request: pytest.FixtureRequest) -> Target:
    """The scenario that is running, and the cloud it runs on."""
    target: Target = request.param
    return target


@pytest.fixture(scope="session")
def kb_cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A connection to the cloud under test; the embedded local cloud is started for it and stopped after."""
    from kb_tests.cloud.connect import connect
    from kb_tests.session.selection import LOCAL
    from kb_tests.session.sentences import one_sentence

    name: str = request.param
    with one_sentence(request.config, name), ExitStack() as stack:
        if name == LOCAL:
            running = stack.enter_context(_local_cloud(request.config))
            cloud = connect(running.cloud, running.clouds_yaml)
        else:
            cloud = connect(name)
        stack.callback(cloud.close)
        yield cloud


@contextmanager
def _local_cloud(config: pytest.Config) -> Iterator[Running]:
    from kb_tests.errors import CloudAccessError
    from kb_tests.localcloud import control
    from kb_tests.session.progress import Progress

    progress = Progress(config)
    with tempfile.TemporaryDirectory(prefix="kb-localcloud-", ignore_cleanup_errors=True) as folder:
        progress.step("starting the local cloud", 0, 1)
        try:
            running = control.up(Path(folder), parent_pid=os.getpid(), temporary=True)
        except control.LocalCloudError as error:
            raise CloudAccessError(str(error)) from error
        progress.step("starting the local cloud", 1, 1)
        try:
            yield running
        finally:
            control.down(Path(folder))


@pytest.fixture(scope="session")
def kb_fleet(
    request: pytest.FixtureRequest, kb_cloud: Cloud, kb_scenario: Target
) -> Iterator[tuple[Topology, Fleet]]:
    """The scenario's topology, staged once and removed afterwards, with its agents ready."""
    from kb_tests.session.staging import staged

    with staged(request.config, kb_cloud, kb_scenario) as ready:
        yield ready


@pytest.fixture(scope="session")
def kb_topology(kb_fleet: tuple[Topology, Fleet]) -> Topology:
    """The staged topology."""
    return kb_fleet[0]


@pytest.fixture
def kb_http(
    request: pytest.FixtureRequest,
    kb_scenario: Target,
    kb_fleet: tuple[Topology, Fleet],
) -> HttpRunner:
    """Runs HTTP points on the staged topology."""
    from kb_tests.session.http.runner import HttpRunner

    return _runner(HttpRunner, request, kb_scenario, kb_fleet)


@pytest.fixture
def kb_storage(
    request: pytest.FixtureRequest,
    kb_scenario: Target,
    kb_fleet: tuple[Topology, Fleet],
) -> StorageRunner:
    """Runs storage points on the staged topology."""
    from kb_tests.session.storage.runner import StorageRunner

    return _runner(StorageRunner, request, kb_scenario, kb_fleet)


def _runner(
    kind: type[Runner], request: pytest.FixtureRequest, target: Target, fleet: tuple[Topology, Fleet]
) -> Runner:
    from kb_tests.cloud import states
    from kb_tests.session.keys import ATTEMPTS, BUS, CHECKS, PROGRESSION
    from kb_tests.session.progress import Progress
    from kb_tests.session.progression import Progression
    from kb_tests.session.recorder import Recorder

    config, stash = request.config, request.config.stash
    topology = fleet[0]
    cloud: Cloud = request.getfixturevalue("kb_cloud")
    here = [server for server in topology.proxies + topology.agents if server.cloud in ("", cloud.name)]

    def down() -> list[str]:
        return states.sentences(states.down(cloud, topology.run_id, here))

    recorder = Recorder(request.node, target.cloud, topology.run_id, stash[BUS], stash[ATTEMPTS], down)
    return kind(
        target,
        *fleet,
        stash[BUS],
        recorder,
        Progress(config, target.cloud),
        stash.setdefault(PROGRESSION, Progression()),
        checks=stash[CHECKS],
        inconclusive_passes=config.getoption("kb_inconclusive") == "pass",
    )
