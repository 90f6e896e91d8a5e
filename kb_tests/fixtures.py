"""The fixtures: an API, since a user's own tests take them too."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from kb_tests.cloud import reaper
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import plan
from kb_tests.cloud.lease import renewed
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Role, StagingFacts, Topology
from kb_tests.errors import KbError, LeakError
from kb_tests.fleet.boot import user_data
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.secrets import Secrets
from kb_tests.report.record import TopologyRecord
from kb_tests.session.keys import OUTBOX, RUN_IDS, SELECTION
from kb_tests.session.outbox import Leaked, Problem, Staged
from kb_tests.session.progress import Progress
from kb_tests.session.runner import HttpRunner
from kb_tests.session.selection import LOCAL, Target
from kb_tests.session.storage_runner import StorageRunner
from kb_tests.sla.count import checks_of

Runner = TypeVar("Runner", HttpRunner, StorageRunner)

AGENTS_DEADLINE = 300.0
"""Seconds from ACTIVE servers to ready agents: a slow image boots for minutes."""

TEARDOWN_DEADLINE = 300.0
"""Seconds that teardown may take before what is left counts as leaked."""


@pytest.fixture(scope="session")
def kb_scenario(request: pytest.FixtureRequest) -> Target:
    """The scenario that is running, and the cloud it runs on."""
    target: Target = request.param
    return target


@pytest.fixture(scope="session")
def kb_cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A connection to the cloud under test; the embedded local cloud is started for it and stopped after."""
    name: str = request.param
    progress = Progress(request.config)
    with _one_sentence(request.config, name):
        if name != LOCAL:
            cloud = connect(name)
            yield cloud
            cloud.close()
            return
        from kb_tests.localcloud import control

        with tempfile.TemporaryDirectory(prefix="kb-localcloud-") as folder:
            progress.step("starting the local cloud", 0, 1)
            running = control.up(Path(folder), parent_pid=os.getpid())
            try:
                cloud = connect(running.cloud, running.clouds_yaml)
                progress.step("starting the local cloud", 1, 1)
                yield cloud
                cloud.close()
            finally:
                control.down(Path(folder))


@pytest.fixture(scope="session")
def kb_fleet(
    request: pytest.FixtureRequest, kb_cloud: Cloud, kb_scenario: Target
) -> Iterator[tuple[Topology, Fleet]]:
    """The scenario's topology, staged once and removed afterwards, with its agents ready."""
    config = request.config
    run_id = config.stash[RUN_IDS][config.stash[SELECTION].targets.index(kb_scenario)]
    progress = Progress(config)
    secrets = Secrets.generate()
    with _one_sentence(config, kb_scenario.cloud):
        layout = plan(kb_scenario.scenario)
        boot = {
            role: user_data(role, run_id, layout.proxy_address, secrets)
            for role in {Role.PROXY, layout.clients.role, *(network.role for network in layout.networks)}
        }
    with ExitStack() as stack:
        with _one_sentence(config, kb_scenario.cloud):
            began, requests = time.monotonic(), kb_cloud.requests
            journal = stack.enter_context(_journaled(config, kb_scenario, kb_cloud, run_id, progress))
            topology = stage(kb_cloud, layout, boot, journal, _options(config), progress.step)
            deadline = time.monotonic() + AGENTS_DEADLINE
            fleet = stack.enter_context(Fleet.open(topology, secrets, progress.step, deadline))
            facts = StagingFacts(time.monotonic() - began, kb_cloud.requests - requests)
            topology = replace(topology, staging=facts)
        config.stash[OUTBOX].put(
            Staged(
                cloud=kb_scenario.cloud,
                scenario=kb_scenario.scenario.name,
                topology=TopologyRecord.of(topology, [hello.versions for hello in fleet.hellos.values()]),
                notes=topology.notes,
            )
        )
        yield topology, fleet


@pytest.fixture(scope="session")
def kb_topology(kb_fleet: tuple[Topology, Fleet]) -> Topology:
    """The staged topology."""
    return kb_fleet[0]


@pytest.fixture
def kb_http(
    request: pytest.FixtureRequest,
    kb_scenario: Target,
    kb_fleet: tuple[Topology, Fleet],
    record_property: Callable[[str, object], None],
) -> HttpRunner:
    """Runs HTTP points on the staged topology."""
    return _runner(HttpRunner, request.config, kb_scenario, kb_fleet, record_property)


@pytest.fixture
def kb_storage(
    request: pytest.FixtureRequest,
    kb_scenario: Target,
    kb_fleet: tuple[Topology, Fleet],
    record_property: Callable[[str, object], None],
) -> StorageRunner:
    """Runs storage points on the staged topology."""
    return _runner(StorageRunner, request.config, kb_scenario, kb_fleet, record_property)


def _runner(
    kind: type[Runner],
    config: pytest.Config,
    target: Target,
    fleet: tuple[Topology, Fleet],
    record_property: Callable[[str, object], None],
) -> Runner:
    points = config.stash[SELECTION].points
    return kind(
        target,
        *fleet,
        config.stash[OUTBOX],
        Progress(config),
        sum(checks_of(entry.point, entry.target.scenario.sla) for entry in points),
        record_property,
        inconclusive_passes=config.getoption("kb_inconclusive") == "pass",
    )


def _options(config: pytest.Config) -> StageOptions:
    return StageOptions(
        image=config.getoption("kb_image"),
        external_network=config.getoption("kb_external_network"),
        flavor=config.getoption("kb_flavor"),
        proxy_command=config.getoption("kb_ssh_proxy_command"),
        max_servers=config.getoption("kb_max_servers"),
    )


@contextmanager
def _journaled(
    config: pytest.Config, target: Target, cloud: Cloud, run_id: str, progress: Progress
) -> Iterator[Journal]:
    """A journal for what is staged in between; all of that is removed however it ends, unless it is kept."""
    journal = Journal.start(
        cloud.name, run_id=run_id, clouds_yaml=cloud.clouds_yaml, scenario=target.scenario.name
    )
    reaping = reaper.start(journal.path)
    try:
        with renewed(cloud, journal):
            yield journal
    finally:
        try:
            if config.getoption("kb_keep"):
                journal.keep()
                journal.release()
            else:
                tear_down(cloud, journal, progress.step, TEARDOWN_DEADLINE)
        except LeakError as error:
            config.stash[OUTBOX].put(Leaked(cloud=target.cloud, resources=(str(error),)))
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        finally:
            reaping.release()


@contextmanager
def _one_sentence(config: pytest.Config, name: str) -> Iterator[None]:
    """Say what the project's own errors say, without a traceback."""
    try:
        yield
    except KbError as error:
        config.stash[OUTBOX].put(Problem(cloud=name, sentence=str(error)))
        raise pytest.fail.Exception(str(error), pytrace=False) from None
