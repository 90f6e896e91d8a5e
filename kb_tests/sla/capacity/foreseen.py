"""What a search comes to within its budget, known before anything is staged."""

from __future__ import annotations

from collections.abc import Iterator

from kb_tests.scenario.base import Scenario
from kb_tests.scenario.capacity import OF_ALL, Capacity, unit
from kb_tests.scenario.points import expand
from kb_tests.scenario.units import counted, format_duration
from kb_tests.sla.capacity.model import Counts, Plan, Seen
from kb_tests.sla.capacity.search import search
from kb_tests.sla.workloads import WORKLOADS

FEWEST, USUAL = 5, 20
"""Whole probes that a search takes as a rule: see the table of docs/capacity.md."""


def sentences(scenario: Scenario) -> Iterator[str]:
    """For each search of a scenario: how far its ramp comes, and what the budget then holds. Nothing of a
    scenario that searches none.
    """
    capacity: Capacity | None = getattr(scenario.load, "capacity", None)
    searching = WORKLOADS[scenario.kind].searching
    if capacity is None or searching is None:
        return
    alpha = 1 - scenario.sla.confidence
    for point in expand(scenario):
        plan = Plan.of(capacity, searching.limits(point, scenario.sla), alpha, point.before)
        yield f"{point.id}: {_told(capacity, plan)}"


def _told(capacity: Capacity, plan: Plan) -> str:
    reached, seconds = _ramp(plan)
    budget, what = format_duration(plan.budget), unit(capacity.of)
    what += " each" if capacity.of in OF_ALL else ""
    if reached < plan.most:
        return (
            f"within the budget of {budget} the ramp comes from {plan.least:,.12g} to {reached:,.12g} {what},"
            f" and not to {plan.most:,.12g}: a capacity above that is not found. Begin higher, take larger"
            " steps, or give it a larger budget."
        )
    probes = int((plan.budget - seconds) / (plan.probe + plan.before))
    more = ": give it a larger budget" if probes < FEWEST else ""
    return (
        f"the ramp comes to {plan.most:,.12g} {what} in {format_duration(seconds)}, if none of its loads"
        f" breaks; the budget of {budget} then holds {counted(probes, 'probe')} of"
        f" {format_duration(plan.probe)}, and a search takes {FEWEST} to {USUAL} as a rule{more}."
    )


def _ramp(plan: Plan) -> tuple[float, float]:
    """The highest load of the ramp where none breaks, and the seconds until then."""
    kept = {limit.name: Counts((0,), (1,)) for limit in plan.limits}
    searching, seconds = search(plan), 0.0
    step = next(searching)
    while True:
        began, seconds = seconds, seconds + plan.before + step.seconds
        try:
            following = searching.send(Seen(step.load, step.seconds, began, seconds, kept))
        except StopIteration:
            return step.load, seconds
        if following.phase != step.phase:
            return step.load, seconds
        step = following
