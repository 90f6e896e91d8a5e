"""What runners of every kind share.

`probe` runs a point once and judges it, `follow` what a strategy names; `check_sla` is what a test asserts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar, Generic, TypeVar, cast

import pytest

from kb_tests.cloud.topology import Topology
from kb_tests.culprits.find import LOOKED_AT
from kb_tests.events.bus import Bus
from kb_tests.events.model import CheckSeen, LookEnded, PointStarted
from kb_tests.fleet.fleet import Fleet
from kb_tests.measure.recovery import Recovery, Slot, recoveries
from kb_tests.report import telling
from kb_tests.report.capacity import CapacityRecord
from kb_tests.report.marks import RecoveryRecord
from kb_tests.report.record import PointRecord, PointStatus
from kb_tests.report.signs import SignsRecord
from kb_tests.scenario.base import Point, Scenario
from kb_tests.scenario.hooks import Hook
from kb_tests.scenario.section import Section
from kb_tests.session import blaming
from kb_tests.session.baseline import Baseline
from kb_tests.session.found import Found
from kb_tests.session.marking import Marked, Marking
from kb_tests.session.pairs import Against, in_turns, opposite
from kb_tests.session.probe import Once, Probe
from kb_tests.session.progress import Progress
from kb_tests.session.progression import Progression
from kb_tests.session.recorder import Recorder
from kb_tests.session.searching import run_search
from kb_tests.session.seconds import Seconds
from kb_tests.session.sentences import in_one_sentence
from kb_tests.session.strategy import Strategy, UntilDecided, WithinStopLimit, follow
from kb_tests.session.target import Target
from kb_tests.sla.family import look_lengths
from kb_tests.sla.verdict import Outcome, Verdict
from kb_tests.sla.workloads import WORKLOADS

S = TypeVar("S", bound=Section)
P = TypeVar("P", bound=Point)
M = TypeVar("M")


class PointRunner(ABC, Generic[S, P, M]):
    """Runs points of one kind on one topology.

    `checks` is how many checks the session makes. With `inconclusive_passes` a sample that cannot decide
    lets the test pass; its record says so. Points are held against the `baseline`, too, or measured in turns
    with those of the side `against`; with `rotates` one that broke is run with other generators. `unit` is
    what its rates count, `search` the id of the capacity search that it makes probes for, if it does.
    """

    kind: ClassVar[str]
    unit: ClassVar[str]

    def __init__(
        self,
        target: Target,
        topology: Topology,
        fleet: Fleet,
        bus: Bus,
        recorder: Recorder,
        progress: Progress,
        progression: Progression,
        marking: Marking,
        *,
        checks: int,
        baseline: Baseline | None = None,
        against: Against | None = None,
        inconclusive_passes: bool = False,
        rotates: bool = False,
    ) -> None:
        assert target.scenario.kind == self.kind
        self.target = target
        self.scenario = cast("S", target.scenario)
        self.topology = topology
        self.fleet = fleet
        self.progress = progress
        self.checks = checks
        self.search = ""
        self._cloud = target.cloud
        self._bus = bus
        self._recorder = recorder
        self._progression = progression
        self._marking = marking
        self._baseline = baseline
        self.against = against
        self._inconclusive_passes = inconclusive_passes
        self._rotates = rotates

    @abstractmethod
    def measure(self, point: P) -> M:
        """Run `point`."""

    def slots(self, point: P, measurement: M) -> Sequence[Slot]:  # noqa: ARG002 - a kind that knows has some
        """What recovery is measured from; nothing where this kind does not tell what was due when."""
        return ()

    def cut(self, measurement: M) -> float:  # noqa: ARG002 - a kind that finds its warm-up has one
        """Seconds that were cut off the beginning of the window."""
        return 0.0

    def failing(self, measurement: M) -> tuple[str, ...]:  # noqa: ARG002 - a kind that knows says it
        """Sentences on the servers that requests failed at."""
        return ()

    @abstractmethod
    def limits(self) -> dict[str, float]:
        """The SLA's limits of latency in seconds, by the names of their checks."""

    @abstractmethod
    def doubts(self, point: P, measurement: M) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Why a measurement that no SLA judges is not to be believed; and what may have made the cloud look
        slow, but not fast.
        """

    def drain(self, point: P, measurement: M) -> float:  # noqa: ARG002 - a kind that leaves a backlog knows
        """Seconds that what was left undone may keep the cloud busy after a run."""
        return 0.0

    def check_capacity(self, point: P) -> CapacityRecord:
        """Run the search that `point` stands for, and fail the test unless what it finds is good enough."""
        __tracebackhide__ = True
        record = run_search(self, self.scenario, point, self._recorder.probe, self._recorder.attempt(point))
        assert record.capacity is not None
        tolerated = {Outcome.PASS, Outcome.INCONCLUSIVE} if self._inconclusive_passes else {Outcome.PASS}
        fails = record.outcome not in tolerated
        kept = self._recorder.put(record, fails=fails)
        if fails:
            told = "\n".join(telling.findings(kept))
            pytest.fail(f"{point.id}: {telling.label(record)}\n{told}", pytrace=False)
        return record.capacity

    def search_own(self, scenario: S, point: P, *, allow_invalid: bool) -> Found:
        """Run a search of a test's own, which judges what is found by itself; the record keeps it. Its probes
        are those of `scenario`, and nothing of them is held against a baseline.

        Fails the test if the search ends by the instruments, unless it allows that.
        """
        __tracebackhide__ = True
        own, alone = replace(point, id=self._recorder.own_id(point)), copy(self)
        alone.checks = 1
        alone.target = replace(self.target, scenario=cast("Scenario", scenario))  # without its hooks
        alone.scenario = scenario
        found = run_search(alone, scenario, own, self._recorder.probe)
        assert found.capacity is not None
        assert found.verdict is not None
        doubts = found.verdict.reasons
        invalid = bool(doubts) and not allow_invalid
        record = PointRecord(
            point=own,
            status=PointStatus.INVALID if invalid else PointStatus.MEASURED,
            started=found.started,
            capacity=found.capacity,
            doubts=doubts,
        )
        kept = self._recorder.put(record, fails=invalid)
        if invalid:
            told = "\n".join((*kept.down, *doubts))
            pytest.fail(f"{own.id}: not valid, so nothing is said of the cloud\n{told}", pytrace=False)
        return Found.of(found.capacity)

    def lengths(self, point: P) -> tuple[float, ...]:
        """Seconds that each look at `point` may take."""
        return look_lengths(point.duration, point.max_duration)

    def check_sla(self, point: P) -> Verdict:
        """Run `point` and fail the test unless it keeps the scenario's SLA; skip it past a stop limit."""
        __tracebackhide__ = True
        if self.against is not None:
            return self._check_pairs(point, self.against)
        clients = self.target.scenario.load.clients
        if clients is not None and clients.stop_at_failure:
            self._skip_past(WithinStopLimit(point))
        probes = self.follow(UntilDecided(point, self.lengths(point)), pooled=True)
        *earlier, last = probes
        self._progression.note(self._cloud, last)
        record = PointRecord.judged(
            last.point, last.measurement, last.verdict, last.started, [probe.look for probe in earlier]
        ).model_copy(update={"hooks": last.hooks, "recovery": last.recovery})
        tolerated = {Outcome.PASS, Outcome.INCONCLUSIVE} if self._inconclusive_passes else {Outcome.PASS}
        fails = last.verdict.outcome not in tolerated
        if fails:
            record = record.model_copy(update={"failing": self.failing(last.measurement)})
        if last.verdict.outcome in LOOKED_AT:
            keep = partial(self._recorder.put, fails=fails)
            record = blaming.blamed(self, record, probes, keep, rotates=self._rotates)
        kept = self._recorder.put(record, fails=fails)
        if fails:
            findings = "\n".join(telling.findings(kept))
            pytest.fail(f"{point.id}: {telling.label(record)}\n{findings}", pytrace=False)
        return last.verdict

    def once(self, point: P, step: int, most: int) -> Once[P, M]:
        """Run `point` as a step of `most`, to be compared; it fails no test and keeps no record."""
        started = datetime.now(UTC)
        self._started(point, step, most)
        with in_one_sentence(), self._marked(point, ()):
            measurement = self.measure(point)
        return Once(point, measurement, started, *self.doubts(point, measurement))

    def percentiles(self) -> frozenset[float]:
        """Those below 100 that the SLA limits."""
        found = (float(name.rpartition(" p")[2]) for name in self.limits())
        return frozenset(percent for percent in found if percent < 100)

    def _check_pairs(self, point: P, against: Against) -> Verdict:
        """Run `point` and B's in turns, and fail the test unless B has not lost more than it may."""
        __tracebackhide__ = True
        other = opposite(point, self.target.scenario.name, against.points)
        record = in_turns(
            self, against.runner, point, other, against.pairs, checks_made=self.checks, sides=against.sides
        )
        assert record.verdict is not None
        tolerated = {Outcome.PASS, Outcome.INCONCLUSIVE} if self._inconclusive_passes else {Outcome.PASS}
        fails = record.verdict.outcome not in tolerated
        kept = self._recorder.put(record, fails=fails)
        if fails:
            findings = "\n".join(telling.findings(kept))
            pytest.fail(f"{point.id}: {telling.label(record)}\n{findings}", pytrace=False)
        return record.verdict

    def follow(self, strategy: Strategy[P, Probe[P, M]], *, pooled: bool = False) -> list[Probe[P, M]]:
        """Run the points that `strategy` names, one after the other; no test fails by what comes out.

        Its steps share the error probability of each check. If they are `pooled`, they are runs of the same
        load, and each is judged together with those before it.
        """
        earlier: list[M] = []

        def run(point: P) -> Probe[P, M]:
            probe = self.probe(point, len(earlier) + 1, strategy.most, earlier if pooled else ())
            earlier.append(probe.measurement)
            return probe

        return follow(strategy, run)

    def probe(self, point: P, step: int = 1, most: int = 1, earlier: Sequence[M] = ()) -> Probe[P, M]:
        """Run `point` once, as a step of `most`: its measurement, and the verdict on it, together with what
        `earlier` runs of the same load measured.

        It fails no test and keeps no record. KbError and what else keeps a point from running fail the test.
        """
        started = datetime.now(UTC)
        self._started(point, step, most)
        with in_one_sentence(), self._marked(point, self.target.scenario.hooks) as marked:
            measurement = self.measure(point)
        found = self._recovery(point, measurement, marked)
        verdict = WORKLOADS[self.kind].judge(
            point,
            measurement,
            self.target.scenario.sla,
            checks=self.checks,
            look=step,
            looks=most,
            staging=self.topology.staging.seconds,
            recovery=found,
            faults=[hook.fault for hook in marked.hooks if hook.fault],
            earlier=tuple(earlier),
        )
        if self._baseline is not None and not self.search:  # no other run has its loads
            verdict = self._baseline.added(
                verdict,
                point,
                measurement,
                self.target,
                self.topology,
                self.fleet,
                checks=self.checks,
                look=step,
                looks=most,
            )
        self._tell(point, verdict, step, most)
        followed = tuple(RecoveryRecord.of(one) for one in found)
        looked_at = verdict.outcome in LOOKED_AT
        signs = tuple(map(SignsRecord.of, self.fleet.signs)) if looked_at else ()
        return Probe(point, measurement, verdict, started, marked.hooks, followed, signs)

    @contextmanager
    def _marked(self, point: P, hooks: Sequence[Hook]) -> Iterator[Marked]:
        """A run of `point`, in which `hooks` are run."""
        marked = self._marking.begin(hooks, self.target.scenario.name, point.id, point.before)
        try:
            with self.fleet.telling(marked.start, at_once=bool(hooks)):
                yield marked
        finally:
            marked.end()

    def _recovery(self, point: P, measurement: M, marked: Marked) -> tuple[Recovery, ...]:
        """What followed what was done to the cloud in a run of `point`."""
        cut = self.cut(measurement)
        marks = marked.marks(cut)
        slots = self.slots(point, measurement) if marks else ()
        if not slots:
            return ()
        return recoveries(slots, marks, point.duration - cut, self.target.scenario.sla.recovery)

    def _skip_past(self, limit: WithinStopLimit[P]) -> None:
        """Skip the test of a point that is past the stop limit."""
        broken = limit.broken(self._progression.history(self._cloud))
        if broken is not None:
            reason = f"It was left out, since {broken.id} has broken the SLA at a smaller scale."
            past = PointRecord(point=limit.point, status=PointStatus.PAST_STOP_LIMIT, reason=reason)
            self._recorder.put(past)
            pytest.skip(reason)

    def run_own(self, point: P, *, allow_invalid: bool) -> tuple[P, M, tuple[str, ...]]:
        """Run a point of a test's own, which judges it by itself; the record keeps the measurement.

        Fails the test if the measurement is not to be believed, unless it allows that.
        """
        __tracebackhide__ = True
        own = replace(point, id=self._recorder.own_id(point))
        started = datetime.now(UTC)
        self._started(own, 1, 1)
        with in_one_sentence(), self._marked(own, ()) as marked:
            measurement = self.measure(own)
        doubts, notes = self.doubts(own, measurement)
        followed = tuple(RecoveryRecord.of(one) for one in self._recovery(own, measurement, marked))
        record = PointRecord.measured(
            own, measurement, started, doubts=doubts, notes=notes, allow_invalid=allow_invalid
        )
        record = record.model_copy(update={"recovery": followed})
        fails = record.status is PointStatus.INVALID
        if fails:
            record = record.model_copy(update={"failing": self.failing(measurement)})
        kept = self._recorder.put(record, fails=fails, doubted=bool(notes))
        if fails:
            told = "\n".join(kept.down + kept.failing + doubts)
            pytest.fail(f"{own.id}: not valid, so nothing is said of the cloud\n{told}", pytrace=False)
        return own, measurement, doubts

    def seconds(self, point: P, before: float, after: float) -> Seconds:
        """Merges the seconds of `point`: `before` ahead of its window, `after` behind it."""
        names = [one.name for one in self.topology.loading]
        loaded = self.topology.loaded
        hosts = self.fleet.turned([loaded[name] for name in names])
        return Seconds(
            self._cloud,
            point.id,
            dict(list(zip(names, hosts, strict=True))[: point.clients]),
            self._bus.put,
            first=-math.ceil(before) - 1,
            last=math.ceil(point.duration + after) + 1,
        )

    def _started(self, point: P, look: int, looks: int) -> None:
        self._bus.put(
            PointStarted(
                cloud=self._cloud,
                point=point.id,
                look=look,
                looks=looks,
                duration=point.duration,
                warm_up=point.before,
                offered=point.offered,
                unit=self.unit,
                agents=point.clients,
                limits=self.limits(),
                search=self.search,
            )
        )

    def _tell(self, point: P, verdict: Verdict, look: int, looks: int) -> None:
        checks = [{name: getattr(check, name) for name in CheckSeen.model_fields} for check in verdict.checks]
        self._bus.put(
            LookEnded(
                cloud=self._cloud,
                point=point.id,
                look=look,
                looks=looks,
                outcome=str(verdict.outcome),
                checks=tuple(CheckSeen.model_validate(check) for check in checks),
                reasons=verdict.reasons,
            )
        )

    def servers(self) -> int:
        """How many servers can make load."""
        return len(self.topology.loading)
