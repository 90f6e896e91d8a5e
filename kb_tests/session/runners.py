"""What the fixtures of every kind of load give to a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kb_tests.cloud import states
from kb_tests.scenario.points import expand
from kb_tests.session.keys import ATTEMPTS, BASELINE, BUS, CHECKS, EVENTS, PROGRESSION
from kb_tests.session.marking import Marking
from kb_tests.session.pairs import Against
from kb_tests.session.progress import Progress
from kb_tests.session.progression import Progression
from kb_tests.session.recorder import Recorder
from kb_tests.session.workloads import WORKLOADS

if TYPE_CHECKING:
    from kb_tests.cloud.connect import Cloud
    from kb_tests.cloud.topology import Topology
    from kb_tests.fleet.fleet import Fleet
    from kb_tests.session.point_runner import PointRunner
    from kb_tests.session.target import Target


def runner(
    kind: str, request: pytest.FixtureRequest, staged: tuple[Topology, Fleet]
) -> PointRunner[Any, Any, Any]:
    """What runs points of `kind` in the test that asks, on what was staged (its `kb_fleet`)."""
    config, stash = request.config, request.config.stash
    target: Target = request.getfixturevalue("kb_scenario")
    cloud: Cloud = request.getfixturevalue("kb_cloud")
    topology, fleet = staged
    here = [server for server in topology.proxies + topology.agents if server.cloud in ("", cloud.name)]

    def down() -> list[str]:
        return states.sentences(states.down(cloud, topology.run_id, here))

    recorder = Recorder(request.node, target.cloud, topology.run_id, stash[BUS], stash[ATTEMPTS], down)

    def made(
        target: Target, topology: Topology, fleet: Fleet, cloud: Cloud, against: Against | None = None
    ) -> PointRunner[Any, Any, Any]:
        return WORKLOADS[kind].runner()(
            target,
            topology,
            fleet,
            stash[BUS],
            recorder,
            Progress(config, target.cloud),
            stash.setdefault(PROGRESSION, Progression()),
            Marking(cloud, target.cloud, topology, stash[BUS], stash.get(EVENTS, None)),
            checks=stash[CHECKS],
            baseline=stash.get(BASELINE, None),
            against=against,
            inconclusive_passes=config.getoption("kb_inconclusive") == "pass",
            rotates=config.getoption("kb_rotate"),
        )

    against = None
    if target.against is not None:
        other = made(target.against, *request.getfixturevalue("kb_against"))
        sides = target.side, target.against.side
        against = Against(other, expand(target.against.scenario), config.getoption("kb_pairs"), sides)
    return made(target, topology, fleet, cloud, against)
