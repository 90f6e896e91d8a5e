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
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from kb_tests.cloud.connect import Cloud
    from kb_tests.cloud.topology import Topology
    from kb_tests.fleet.fleet import Fleet
    from kb_tests.localcloud.control import Running
    from kb_tests.session.http.runner import HttpRunner
    from kb_tests.session.storage.runner import StorageRunner
    from kb_tests.session.target import Target


@pytest.fixture(scope="session")
def kb_scenario(request: pytest.FixtureRequest) -> Target:
    """The scenario that is running, and the cloud it runs on."""
    target: Target = request.param
    return target


@pytest.fixture(scope="session")
def kb_cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A connection to the cloud under test; the embedded local cloud is started for it and stopped after."""
    from kb_tests.cloud.connect import connect
    from kb_tests.session.patience import patience
    from kb_tests.session.sentences import one_sentence
    from kb_tests.session.target import LOCAL

    name: str = request.param
    waits = patience(request.config).cloud
    with one_sentence(request.config, name), ExitStack() as stack:
        reuse = request.config.getoption("kb_reuse")
        if name == LOCAL and reuse:
            from kb_tests.session.keeping import place_of

            place = place_of(reuse)
            cloud = connect(place.cloud, place.clouds_yaml, waits)
        elif name == LOCAL:
            running = stack.enter_context(_local_cloud(request.config))
            cloud = connect(running.cloud, running.clouds_yaml, waits)
        else:
            cloud = connect(name, patience=waits)
        stack.callback(cloud.close)
        yield cloud


@contextmanager
def _local_cloud(config: pytest.Config) -> Iterator[Running]:
    from kb_tests.cloud import embedded
    from kb_tests.errors import CloudDownError
    from kb_tests.localcloud import control
    from kb_tests.report import underway
    from kb_tests.session.keys import RECORDS
    from kb_tests.session.partial import keeps
    from kb_tests.session.progress import Progress

    progress = Progress(config)
    # Nobody else outlives a session that is killed.
    record = config.stash[RECORDS].get("")
    then = underway.command(record) if record else []
    with _folder(keeps(config)) as folder:
        progress.step("starting the local cloud", 0, 1)
        try:
            running = control.up(
                folder, parent_pid=os.getpid(), then=then, temporary=True, stay=embedded.STAY_SECONDS
            )
        except control.LocalCloudError as error:
            raise CloudDownError(str(error)) from error
        progress.step("starting the local cloud", 1, 1)
        try:
            yield running
        finally:
            if not control.stays(folder, embedded.STAY_SECONDS):
                control.down(folder)


@contextmanager
def _folder(lasting: bool) -> Iterator[Path]:
    """Of a local cloud that may stay, and removes it at its end, or of one that goes with the session."""
    from kb_tests.cloud import embedded

    if lasting:
        yield embedded.new_folder()
        return
    with tempfile.TemporaryDirectory(prefix="kb-localcloud-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def kb_fleet(
    request: pytest.FixtureRequest, kb_cloud: Cloud, kb_scenario: Target
) -> Iterator[tuple[Topology, Fleet]]:
    """The scenario's topology, staged once and removed afterwards, with its agents ready."""
    from kb_tests.session.staging import staged

    with staged(request.config, kb_cloud, kb_scenario) as ready:
        yield ready


@pytest.fixture(scope="session")
def kb_against(
    request: pytest.FixtureRequest, kb_cloud: Cloud, kb_scenario: Target
) -> Iterator[tuple[Topology, Fleet, Cloud]]:
    """The other side of a session with pairs, staged once, with its agents ready."""
    from kb_tests.cloud.connect import connect
    from kb_tests.session.patience import patience
    from kb_tests.session.sentences import one_sentence
    from kb_tests.session.staging import staged

    target = kb_scenario.against
    assert target is not None
    with ExitStack() as stack:
        cloud = kb_cloud
        if target.on:
            with one_sentence(request.config, target.cloud):
                cloud = connect(target.on, patience=patience(request.config).cloud)
            stack.callback(cloud.close)
        yield *stack.enter_context(staged(request.config, cloud, target)), cloud


@pytest.fixture(scope="session")
def kb_topology(kb_fleet: tuple[Topology, Fleet]) -> Topology:
    """The staged topology."""
    return kb_fleet[0]


@pytest.fixture
def kb_http(request: pytest.FixtureRequest, kb_fleet: tuple[Topology, Fleet]) -> HttpRunner:
    """Runs HTTP points on the staged topology."""
    from kb_tests.session.runners import runner

    return cast("HttpRunner", runner("http", request, kb_fleet))


@pytest.fixture
def kb_storage(request: pytest.FixtureRequest, kb_fleet: tuple[Topology, Fleet]) -> StorageRunner:
    """Runs storage points on the staged topology."""
    from kb_tests.session.runners import runner

    return cast("StorageRunner", runner("storage", request, kb_fleet))
