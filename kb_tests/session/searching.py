"""A capacity search on a staged topology: one strategy, whose probes are points below one test."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kb_tests.report import words
from kb_tests.report.capacity import CapacityRecord, LimitSeen, ProbeRecord, check, record, verdict
from kb_tests.report.record import PointRecord, PointStatus
from kb_tests.scenario.base import Point
from kb_tests.scenario.capacity import Capacity as Asked
from kb_tests.scenario.capacity import probed
from kb_tests.session.strategy import follow
from kb_tests.sla.capacity.known import FOR_VERDICTS, most_probes, plainly_kept
from kb_tests.sla.capacity.model import Capacity, Limit, Plan, Seen, Step
from kb_tests.sla.capacity.search import search
from kb_tests.sla.decide import staging_check
from kb_tests.sla.family import worst
from kb_tests.sla.verdict import Outcome, Verdict
from kb_tests.sla.workloads import WORKLOADS

if TYPE_CHECKING:
    from kb_tests.session.point_runner import PointRunner

P = TypeVar("P", bound=Point)

BEYOND = 100
"""So many probes more than its budget holds no search makes."""


@dataclass(frozen=True)
class Made:
    """A probe that was made: its step, what the search sees of it, and its record."""

    step: Step
    seen: Seen
    record: PointRecord


class Searching(Generic[P]):
    """The strategy: which probe of the search that `point` stands for runs next. `found` is its answer."""

    def __init__(self, point: P, plan: Plan, attempt: int = 1) -> None:
        self.most = math.ceil(plan.budget / min(plan.ramp, plan.probe)) + BEYOND
        self._point, self._attempt = point, attempt
        self._search = search(plan)
        self._told = 0
        self.step: Step | None = next(self._search)
        self.found: Capacity | None = None

    def next(self, history: Sequence[Made]) -> P | None:
        """The point of the next probe; None once there is an answer."""
        for made in history[self._told :]:
            self._told += 1
            try:
                self.step = self._search.send(made.seen)
            except StopIteration as end:
                self.step, self.found = None, end.value
                return None
        assert self.step is not None
        return probed(self._point, self.step.load, self.step.seconds, self._told + 1, self._attempt)


def run_search(
    runner: PointRunner[Any, P, Any],
    scenario: Any,
    point: P,
    keep: Callable[[PointRecord], None],
    attempt: int = 1,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> PointRecord:
    """Run the search of `scenario` that `point` stands for, giving the record of each probe to `keep`; its
    own record. `attempt` says which run of it this is.
    """
    sla, asked = scenario.sla, scenario.load.capacity
    asking = WORKLOADS[point.kind].searching
    assert asking is not None
    limits = asking.limits(point, sla)
    confidence = 1 - (1 - sla.confidence) / max(1, runner.checks)
    plan = Plan.of(asked, limits, 1 - confidence, point.before)
    strategy, begun = Searching(point, plan, attempt), clock()
    probing = copy.copy(runner)
    probing.search = point.id
    probing.checks = round(runner.checks * most_probes(plan) / FOR_VERDICTS)

    def make(one: P) -> Made:
        assert strategy.step is not None
        began = clock() - begun
        probe = probing.probe(one)
        found = asking.counts(one, probe.measurement, sla)
        counts = {limit.name: found[limit.name] for limit in limits}
        kept = plainly_kept(limits, counts)
        invalid, generator = asking.reasons(one, probe.measurement, sla, kept=kept)
        seen = Seen(
            strategy.step.load,
            strategy.step.seconds,
            began,
            clock() - begun,
            counts,
            invalid,
            generator,
            asking.bound(one, probe.measurement) if asked.of in ("rate", "rate_iops") else None,
        )
        judged = PointRecord.judged(one, probe.measurement, _by(probe.verdict, limits), probe.started)
        judged = judged.model_copy(update={"search": point.id})
        keep(judged)
        if rest := runner.drain(one, probe.measurement):
            wait(rest)
        return Made(strategy.step, seen, judged)

    history = follow(strategy, make)
    found = strategy.found
    assert found is not None
    told = _record(found, asked, point, confidence, limits, history, _at_least(sla))
    return _judged(told, point, history, sla, runner.topology.staging.seconds)


def _by(found: Verdict, limits: Sequence[Limit]) -> Verdict:
    """A probe's verdict by the limits of the search alone: others speak of the sample, or of staging."""
    names = {limit.name for limit in limits}
    checks = tuple(one for one in found.checks if one.name in names)
    outcome = Outcome.INVALID if found.reasons or not checks else worst(checks)
    return replace(found, checks=checks, outcome=outcome)


def _record(
    found: Capacity,
    asked: Asked,
    point: Point,
    confidence: float,
    limits: Sequence[Limit],
    history: Sequence[Made],
    at_least: float | None,
) -> CapacityRecord:
    probes = [
        ProbeRecord(
            id=made.record.id,
            load=made.seen.load,
            seconds=made.seen.seconds,
            at=made.seen.began,
            phase=made.step.phase,
            outcome=made.record.outcome or Outcome.INVALID,
            limits=tuple(
                LimitSeen(name=limit.name, bad=sum(one.bad), due=sum(one.due), allowed=limit.allowed)
                for limit in limits
                for one in [made.seen.counts[limit.name]]
            ),
        )
        for made in history
    ]
    question = {
        "of": asked.of,
        "clients": 0 if asked.of == "clients" else point.clients,
        "at_least": at_least,
        "confidence": confidence,
    } | {name: getattr(asked, name) for name in ("least", "most", "step", "width", "probe", "budget")}
    return record(found, asked=question, probes=probes, limit_told=_told(found.limit, history))


def _at_least(sla: Any) -> float | None:
    return sla.capacity.at_least if sla.capacity is not None else None


def _told(limit: str, history: Sequence[Made]) -> str:
    """A limit for people, "latency p99 <= 50ms"."""
    for made in history:
        for one in made.record.verdict.checks if made.record.verdict else ():
            if one.name == limit:
                return f"{one.name} {'<=' if one.at_most else '>='} {words.quantity(one.limit, one.unit)}"
    return limit


def _judged(
    told: CapacityRecord, point: Point, history: Sequence[Made], sla: Any, staging: float
) -> PointRecord:
    outcome, reasons = verdict(told)
    checks = [check(told)]
    if sla.staging is not None:
        checks.append(staging_check(staging, sla.staging))
        if not reasons:
            outcome = worst(checks)
    judged = Verdict(outcome, tuple(checks), reasons, sla.confidence, 1)
    started = history[0].record.started if history else None
    return PointRecord(point=point, status=PointStatus.JUDGED, started=started, verdict=judged, capacity=told)
