"""Runs that tell a server, its generator and the way between them apart, after a point that broke its SLA."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from kb_tests.cloud.topology import Role
from kb_tests.cloud.workloads import plan
from kb_tests.culprits.find import Found, find
from kb_tests.culprits.places import places
from kb_tests.culprits.rotation import Rotation, Whose, shift
from kb_tests.errors import ScenarioError
from kb_tests.report.measurements import MEASUREMENTS
from kb_tests.report.rotated import RotatedRecord
from kb_tests.scenario.base import Point, Scenario
from kb_tests.scenario.points import expand
from kb_tests.sla.verdict import Verdict

if TYPE_CHECKING:
    from kb_tests.session.point_runner import PointRunner

ROTATE = "--kb-rotate"


def check(scenarios: Sequence[Scenario], *, paired: bool) -> None:
    """ScenarioError for what has no run to be repeated by other generators."""
    if paired:
        raise ScenarioError(f"{ROTATE} and --kb-pairs cannot be used together: pairs judge ratios.")
    for scenario in scenarios:
        if any(point.search for point in expand(scenario)):
            raise ScenarioError(
                f"{scenario.name} searches a capacity, and {ROTATE} repeats a point that broke."
            )
        if plan(scenario).clients.role is not Role.CLIENT:
            raise ScenarioError(
                f"{scenario.name} has no generators apart from its servers, as {ROTATE} needs."
            )
        if scenario.hooks:
            raise ScenarioError(
                f"{scenario.name} has hooks, and {ROTATE} runs a point again: what is done to a cloud is done"
                " once."
            )


def rotate(
    runner: PointRunner[Any, Any, Any],
    point: Point,
    measurements: Sequence[Any],
    verdict: Verdict,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[RotatedRecord | None, Rotation | None]:
    """Run `point` once more, each generator at another server, if any server or host stands out in
    `measurements`; and as it was, if it then stands out no more.
    """
    where = places(runner.topology.agents)

    def found(rotation: Rotation | None = None) -> list[Found]:
        return find(point, measurements, verdict, where, rotation=rotation)

    agents = [server.name for server in runner.topology.loading[: point.clients]]
    if not any(one.culprits or one.makers for one in found()) or not (by := shift(agents, where)):
        return None, None
    wait(runner.drain(point, measurements[-1]))
    started = datetime.now(UTC)
    with runner.fleet.rotated(point.clients, by):
        measured, doubts = _believed(runner, point)
    rotation = Rotation(by, measured, doubts=doubts)
    if measured is not None and any(Whose.NEITHER in one.rotated for one in found(rotation)):
        wait(runner.drain(point, measured))
        again, doubts = _believed(runner, point)
        rotation = replace(rotation, again=again, doubts=doubts)

    def kept(one: Any | None) -> Any | None:
        return None if one is None else MEASUREMENTS[point.kind].record(point, one, {})

    record = RotatedRecord(
        shift=by,
        started=started,
        measurement=kept(rotation.measured),
        again=kept(rotation.again),
        doubts=rotation.doubts,
    )
    return record, rotation


def _believed(runner: PointRunner[Any, Any, Any], point: Point) -> tuple[Any | None, tuple[str, ...]]:
    """What a run of `point` measured, or why that is not to be believed: the point itself has its verdict."""
    try:
        once = runner.once(point, 1, 1)
    except pytest.fail.Exception as error:
        return None, (str(error),)
    return (None, once.doubts) if once.doubts else (once.measurement, ())
