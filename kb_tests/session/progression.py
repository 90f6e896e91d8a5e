"""Stop limits: a rate or profile that broke its SLA is not run at a larger scale, if the scenario says so."""

from __future__ import annotations

from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.points import Point
from kb_tests.sla.decide import STAGING
from kb_tests.sla.verdict import Outcome, Verdict


class Progression:
    """What has broken its SLA so far in this session."""

    def __init__(self) -> None:
        self._broken: dict[tuple[str, str, str], Point] = {}

    def past(self, cloud: str, point: Point) -> str:
        """Why `point` is past a stop limit, in one sentence; "" if it is not."""
        broken = self._broken.get(_series(cloud, point))
        if broken is None or broken.clients >= point.clients:
            return ""
        return f"It was left out, since {broken.id} has broken the SLA at a smaller scale."

    def note(self, cloud: str, point: Point, verdict: Verdict) -> None:
        """Remember a failure; what could not be decided or measured stops nothing, nor does slow staging."""
        broken = {check.name for check in verdict.checks if check.outcome is Outcome.FAIL}
        if verdict.outcome is Outcome.FAIL and broken != {STAGING}:
            self._broken.setdefault(_series(cloud, point), point)


def _series(cloud: str, point: Point) -> tuple[str, str, str]:
    """The points that differ in nothing but their scale."""
    load = f"{point.rate:g}" if isinstance(point, HttpPoint) else point.profile
    return cloud, point.scenario, load
