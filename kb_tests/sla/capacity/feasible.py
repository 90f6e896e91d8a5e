"""Searches whose first load has too few requests to show anything, known before anything is staged."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kb_tests.scenario.base import Scenario
from kb_tests.scenario.capacity import Capacity, of_all
from kb_tests.scenario.points import expand
from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import needed, planned
from kb_tests.sla.capacity.known import FOR_VERDICTS, most_probes
from kb_tests.sla.capacity.model import Means, Plan
from kb_tests.sla.workloads import WORKLOADS

UNNOTICED = 0.5
"""Of the width that is asked, a queue may take so much."""

POOLED = 2
"""Probes of one load that together have to be enough: more of them take the budget."""


def mistakes(scenario: Scenario, checks: int | None) -> Iterator[str]:
    """A sentence for each limit that no probe at `from` could show to be kept, and on probes so short that
    what they keep may be far from what can be kept for long.

    A closed loop's requests cannot be known before.
    """
    capacity: Capacity | None = getattr(scenario.load, "capacity", None)
    searching = WORKLOADS[scenario.kind].searching
    if capacity is None or searching is None:
        return
    points = expand(scenario)
    alpha = (1 - scenario.sla.confidence) / max(1, checks or len(points))
    plans = [Plan.of(capacity, searching.limits(one, scenario.sla), alpha, one.before) for one in points]
    for plan in plans[:1]:
        if plan.unnoticed > UNNOTICED * plan.width:
            yield (
                f"load.capacity.probe: in windows of {format_duration(plan.probe)} a queue that grows"
                f" for ever may seem to keep the SLA up to {plan.unnoticed * 100:.2g} % above what is"
                f" served, and the interval is to be {plan.width * 100:.3g} % wide; probe for longer, or"
                " ask for a wider one."
            )
        yield from _too_near_the_end(scenario, capacity, plan)
    for point, plan in zip(points, plans, strict=True):
        made = math.floor(point.offered * plan.probe)
        error = alpha * FOR_VERDICTS / most_probes(plan)
        for limit in plan.limits:
            if limit.means is not Means.SHARE or not made:
                continue
            need = needed(limit.allowed, error, [planned([plan.probe] * POOLED)]) / POOLED
            if made < need:
                yield (
                    f"load.capacity.from: {point.id} begins with {made:,} {searching.what} in a probe of"
                    f" {format_duration(plan.probe)}, and {limit.name} takes at least {need:,.0f} to show;"
                    f" begin {math.ceil(10 * need / made) / 10:g} times as high, or probe for longer."
                )


def _too_near_the_end(scenario: Scenario, capacity: Capacity, asked: Plan) -> Iterator[str]:
    """What is asked at least may be more than the last load can show to be kept for long."""
    gate = getattr(scenario.sla, "capacity", None)
    factor = of_all(capacity, 1.0, scenario.topology.servers)
    shown = asked.for_long(capacity.most) * factor
    if gate is None or gate.at_least <= shown:
        return
    enough = math.ceil(gate.at_least / factor * (1 + asked.unnoticed))
    yield (
        f"sla.capacity.at_least: windows of {format_duration(capacity.probe)} that keep"
        f" {capacity.most * factor:,.12g} show {shown:,.6g} to be kept for long, and"
        f" {gate.at_least:,.12g} are asked; search to {enough:,} at least, or probe for longer."
    )
