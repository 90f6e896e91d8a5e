"""Who is to blame for a point that did not keep its SLA, said by itself where enough hosts were loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kb_tests.cloud.topology import Topology
from kb_tests.culprits.find import LOOKED_AT, find
from kb_tests.culprits.places import places
from kb_tests.culprits.rotation import Rotation
from kb_tests.culprits.words import all_sentences
from kb_tests.report.record import PointRecord
from kb_tests.report.rotated import RotatedRecord
from kb_tests.report.signs import SignsRecord
from kb_tests.scenario.base import Point
from kb_tests.session.probe import Probe
from kb_tests.session.rotating import rotate
from kb_tests.sla.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from kb_tests.session.point_runner import PointRunner

FEWEST_HOSTS = 6
"""Hosts from which on it is said without being asked for."""


def blamed(
    runner: PointRunner[Any, Any, Any],
    record: PointRecord,
    probes: Sequence[Probe[Any, Any]],
    keep: Callable[[PointRecord], object],
    *,
    rotates: bool,
) -> PointRecord:
    """The record of a point that did not keep its SLA in `probes`, with what stands out in it; if it
    `rotates`, after a run with other generators. Where that is interrupted, it is kept without.
    """
    last, measured = probes[-1], [probe.measurement for probe in probes]

    def found(rotated: RotatedRecord | None, rotation: Rotation | None) -> PointRecord:
        told = sentences(last.point, measured, last.verdict, runner.topology, last.signs, rotation)
        return record.model_copy(update={"culprits": told, "signs": last.signs, "rotated": rotated})

    try:
        return found(*(rotate(runner, last.point, measured, last.verdict) if rotates else (None, None)))
    except BaseException:
        keep(found(None, None))
        raise


def sentences(
    point: Point,
    measurements: Sequence[Any],
    verdict: Verdict,
    topology: Topology,
    signs: Sequence[SignsRecord] = (),
    rotation: Rotation | None = None,
) -> tuple[str, ...]:
    """On a limit that broke in `measurements`, all of one load, the last of which `verdict` and `signs` are
    on. Of one that was not decided only if somebody stands out.
    """
    where = places(topology.agents)
    few = len({place.host for place in where.values()}) < FEWEST_HOSTS and rotation is None
    if verdict.outcome not in LOOKED_AT or few:
        return ()
    found = find(point, measurements, verdict, where, signs, rotation)
    told = [one for one in found if not one.refused]
    if verdict.outcome is Outcome.INCONCLUSIVE:
        told = [one for one in told if one.culprits or one.makers]
    return tuple(all_sentences(told))
