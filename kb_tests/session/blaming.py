"""Who is to blame for a point that broke its SLA, said by itself where enough hosts were loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kb_tests.cloud.topology import Topology
from kb_tests.culprits.find import find
from kb_tests.culprits.places import places
from kb_tests.culprits.rotation import Rotation
from kb_tests.culprits.words import all_sentences
from kb_tests.report.signs import SignsRecord
from kb_tests.scenario.base import Point
from kb_tests.sla.verdict import Outcome, Verdict

FEWEST_HOSTS = 6
"""Hosts from which on it is said without being asked for."""


def sentences(
    point: Point,
    measurements: Sequence[Any],
    verdict: Verdict,
    topology: Topology,
    signs: Sequence[SignsRecord] = (),
    rotation: Rotation | None = None,
) -> tuple[str, ...]:
    """On a limit that broke in `measurements`, all of one load, the last of which `verdict` and `signs` are
    on.
    """
    where = places(topology.agents)
    few = len({place.host for place in where.values()}) < FEWEST_HOSTS and rotation is None
    if verdict.outcome is not Outcome.FAIL or few:
        return ()
    found = find(point, measurements, verdict, where, signs, rotation)
    return tuple(all_sentences([one for one in found if not one.refused]))
