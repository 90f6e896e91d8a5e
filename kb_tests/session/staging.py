"""From a scenario and a cloud to a staged topology with its agents ready, and back to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial

import pytest

from kb_tests.cloud import console
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.layout import Layout, apart
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import Site, stage_all
from kb_tests.cloud.topology import Role, StagingFacts, Topology
from kb_tests.cloud.workloads import plan
from kb_tests.errors import AgentsMissingError, TunnelError
from kb_tests.events.model import Log, Staged
from kb_tests.fleet import proxy_command
from kb_tests.fleet.boot import user_data
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.joined import open_fleet
from kb_tests.fleet.secrets import Secrets
from kb_tests.report.record import TopologyRecord
from kb_tests.session import keeping
from kb_tests.session.journaling import journaled
from kb_tests.session.keys import BUS, SELECTION, STAGED, STAGINGS
from kb_tests.session.partial import keeps
from kb_tests.session.patience import patience
from kb_tests.session.progress import Progress
from kb_tests.session.sentences import one_sentence
from kb_tests.session.target import Target
from kb_tests.session.workloads import WORKLOADS

CONSOLES_EVERY = 60.0


@contextmanager
def staged(config: pytest.Config, cloud: Cloud, target: Target) -> Iterator[tuple[Topology, Fleet]]:
    """The target's topology, staged for as long as the context lasts; or a kept one, used again."""
    reuse = config.getoption("kb_reuse")
    with _used_again(config, cloud, target, reuse) if reuse else _staged(config, cloud, target) as ready:
        topology, fleet = ready
        prepare = WORKLOADS[target.scenario.kind].prepare
        with one_sentence(config, target.cloud, target.scenario.name):
            disks = prepare(target.scenario, fleet, Progress(config, target.cloud))
        config.stash[BUS].put(
            Staged(
                cloud=target.cloud,
                scenario=target.scenario.name,
                topology=TopologyRecord.of(topology, fleet.versions, disks),
                notes=topology.notes,
                kept=topology.kept,
            )
        )
        for note in topology.notes:
            config.stash[BUS].put(Log(cloud=target.cloud, text=note))
        yield ready


@contextmanager
def _used_again(
    config: pytest.Config, cloud: Cloud, target: Target, run_id: str
) -> Iterator[tuple[Topology, Fleet]]:
    progress = Progress(config, target.cloud)
    with ExitStack() as stack:
        with one_sentence(config, target.cloud, target.scenario.name):
            clouds = [cloud, *_testing_cloud(config, target, stack)]
            kept = keeping.reused(clouds, run_id, target, options_of(config))
            topologies, secrets = stack.enter_context(kept)
            config.stash[STAGED] = True
            deadline = time.monotonic() + boot_timeout(config)
            waits = patience(config).fleet
            ready = open_fleet(topologies, secrets, progress.step, deadline, progress.seen, waits)
            fleet = stack.enter_context(ready)
        yield fleet.topology, fleet


def _testing_cloud(config: pytest.Config, target: Target, stack: ExitStack) -> Iterator[Cloud]:
    """That of the generators, where it is another one."""
    if target.testing_cloud:
        yield stack.enter_context(closing(connect(target.testing_cloud, patience=patience(config).cloud)))


@contextmanager
def _staged(config: pytest.Config, cloud: Cloud, target: Target) -> Iterator[tuple[Topology, Fleet]]:
    run_id = config.stash[STAGINGS].next(config.stash[SELECTION].targets.index(target))
    progress = Progress(config, target.cloud)
    with ExitStack() as stack:
        with one_sentence(config, target.cloud, target.scenario.name):
            options = options_for(config, target)
            clouds, layouts = [cloud, *_testing_cloud(config, target, stack)], [plan(target.scenario)]
            if target.testing_cloud:
                layouts = list(apart(layouts[0]))
            layouts = [adopt(*each, options) for each in zip(clouds, layouts, strict=True)]
            secrets = [Secrets.generate() for _ in layouts]
            boots = [_boot(run_id, *each) for each in zip(layouts, secrets, strict=True)]
            began, requests = time.monotonic(), sum(each.requests for each in clouds)
            journals = stack.enter_context(journaled(config, target, clouds, run_id, progress))
            sites = [Site(*each) for each in zip(clouds, layouts, boots, journals, strict=True)]
            topologies = stage_all(sites, options, progress.step, seen=progress.seen)
            config.stash[STAGED] = True
            until = time.monotonic() + boot_timeout(config)
            ready = partial(
                open_fleet,
                topologies,
                secrets,
                progress.step,
                seen=progress.seen,
                patience=patience(config).fleet,
            )
            fleet = _ready(stack, clouds, topologies, ready, until, packages=options.packages)
            asked = sum(each.requests for each in clouds) - requests
            topology = replace(fleet.topology, staging=StagingFacts(time.monotonic() - began, asked))
            if keeps(config):
                there = [replace(each, staging=topology.staging) for each in topologies]
                stays = keeping.keep(clouds, journals, target, there, secrets)
                topology = replace(topology, kept=stays)
        yield topology, fleet


def options_for(config: pytest.Config, target: Target) -> StageOptions:
    """What the command line says of staging, and of this side of a session with pairs."""
    options = options_of(config)
    own = dict(target.stage)
    return replace(options, image=own.get("image", options.image), flavor=own.get("flavor", options.flavor))


def _ready(
    stack: ExitStack,
    clouds: Sequence[Cloud],
    topologies: Sequence[Topology],
    opened: Callable[..., AbstractContextManager[Fleet]],
    until: float,
    *,
    packages: bool,
) -> Fleet:
    """The fleet, once all agents are ready, by `until` (monotonic seconds). Where that fails, a console may
    know better why; where packages are installed it is asked time and again, since what it says would not
    change by waiting.
    """
    while True:
        deadline = min(until, time.monotonic() + CONSOLES_EVERY) if packages else until
        try:
            return stack.enter_context(opened(deadline=deadline))
        except (AgentsMissingError, TunnelError) as error:
            for cloud, topology in zip(clouds, topologies, strict=True):
                if said := console.failure(cloud, (topology.proxy, *topology.agents)):
                    raise type(error)(said) from error
            if deadline >= until:
                raise


def _boot(run_id: str, layout: Layout, secrets: Secrets) -> dict[Role, str]:
    """The user_data of each role that a layout has."""
    roles = {Role.PROXY, *(plan.role for plan in (layout.clients, *layout.networks) if plan.servers)}
    return {
        role: user_data(role, run_id, layout.proxy_address, secrets, packages=layout.online) for role in roles
    }


def boot_timeout(config: pytest.Config) -> float:
    """Seconds that servers may take from being ACTIVE to ready agents."""
    waits = patience(config)
    usual = waits.packages if config.getoption("kb_packages") else waits.agents
    return float(config.getoption("kb_build_timeout") or usual)


def options_of(config: pytest.Config) -> StageOptions:
    """What the command line says of staging."""
    proxy_command.check(config.getoption("kb_ssh_proxy_command"))
    return StageOptions(
        image=config.getoption("kb_image"),
        external_network=config.getoption("kb_external_network"),
        flavor=config.getoption("kb_flavor"),
        own_projects=False if config.getoption("kb_existing_project") else None,
        network=config.getoption("kb_network"),
        router=config.getoption("kb_router"),
        floating_ip=not config.getoption("kb_no_floating_ip"),
        packages=config.getoption("kb_packages"),
        nameservers=tuple(config.getoption("kb_nameserver")),
        availability_zone=config.getoption("kb_availability_zone"),
        config_drive=config.getoption("kb_config_drive"),
        ssh_port=config.getoption("kb_ssh_port"),
        proxy_command=config.getoption("kb_ssh_proxy_command"),
        deadline=config.getoption("kb_build_timeout") or StageOptions.deadline,
        max_servers=config.getoption("kb_max_servers"),
    )
