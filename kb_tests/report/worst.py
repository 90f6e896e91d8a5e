"""Which limit broke worst: what is said first, wherever something is said of a point or a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kb_tests.report.line import on_line
from kb_tests.sla.verdict import RECOVERY, Check, Outcome

if TYPE_CHECKING:
    from kb_tests.report.point import PointRecord

_FIRST = ("verify", RECOVERY, "errors", "connections", "achieved")
"""Of limits that broke alike: lost data before failures, these before rates, those before times."""


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """The checks that failed, the one furthest over its limit first.

    What is lost or was never sent makes times beyond measure, and says more than these: it goes before them.
    """
    broken = [check for check in checks if check.outcome is Outcome.FAIL]

    def rank(check: Check) -> tuple[bool, bool, float, int]:
        place = on_line(check.value, check)
        order = _FIRST.index(check.name) if check.name in _FIRST else len(_FIRST)
        return check.name != "verify", told_by_share(check, broken), -(place if place > 0 else 0.0), order

    return sorted(broken, key=rank)


def told_by_share(check: Check, among: Iterable[Check]) -> bool:
    """Whether a time is beyond measure beside a share that broke, which says why."""
    if check.unit != "s" or math.isfinite(check.value) or check.name in _FIRST:
        return False
    return any(other.unit == "" and other.outcome is Outcome.FAIL for other in among)


def over(point: PointRecord) -> float:
    """How many times its limit the worst of a point is; 0 where none broke."""
    broken = worst_first(point.verdict.checks if point.verdict else ())
    if not broken:
        return 0.0
    place = on_line(broken[0].value, broken[0])
    return 0.0 if math.isnan(place) else place


def worst(points: Iterable[PointRecord]) -> PointRecord:
    """The point whose worst limit broke most; the least load, of those that broke alike."""
    return min(points, key=lambda point: (-over(point), point.point.offered))
