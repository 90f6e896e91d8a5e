"""Running points on a staged topology: measure, judge, look longer where the sample cannot decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kb_tests.cloud.topology import Topology
from kb_tests.errors import ScenarioError
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.messages import SecondReport
from kb_tests.load import http
from kb_tests.measure.measurement import Measurement
from kb_tests.measure.merge import measure
from kb_tests.report import junit, words
from kb_tests.report.record import PointRecord
from kb_tests.scenario.model import HttpScenario
from kb_tests.scenario.points import HttpPoint
from kb_tests.scenario.units import parse_duration, parse_size
from kb_tests.session.outbox import Outbox, PointEnded
from kb_tests.session.progress import Progress
from kb_tests.session.selection import Target
from kb_tests.sla.family import look_lengths
from kb_tests.sla.judge import judge
from kb_tests.sla.verdict import Outcome, Verdict


class HttpRunner:
    """Runs HTTP points on one topology; the fixture `kb_http`."""

    def __init__(
        self,
        target: Target,
        topology: Topology,
        fleet: Fleet,
        outbox: Outbox,
        progress: Progress,
        checks: int,
        record_property: Callable[[str, object], None],
        *,
        inconclusive_passes: bool = False,
    ) -> None:
        self.topology = topology
        assert isinstance(target.scenario, HttpScenario)
        self._scenario = target.scenario
        self._cloud = target.cloud
        self._fleet = fleet
        self._outbox = outbox
        self._progress = progress
        self._checks = checks
        self._record_property = record_property
        self._inconclusive_passes = inconclusive_passes
        self._own = 0

    def run(
        self,
        *,
        rate: float,
        clients: int | None = None,
        duration: str | None = None,
        warm_up: str | None = None,
        connections: int | None = None,
        page_size: str | None = None,
        keep_alive: bool | None = None,
        timeout: str | None = None,
    ) -> Measurement:
        """Measure one load of a test's own; what is not given is as in the scenario.

        `rate` is requests/s per generator. The record keeps the measurement; judging it is the test's job.
        """
        load = self._scenario.load
        clients = clients or len(self.topology.clients)
        if not 1 <= clients <= len(self.topology.clients):
            raise ScenarioError(
                f"clients={clients}: the topology has {len(self.topology.clients)} generators."
            )
        self._own += 1
        seconds = parse_duration(duration) if duration else load.duration
        point = HttpPoint(
            id=f"{self._scenario.name}-own-{self._own}-clients-{clients}-rate-{rate:g}",
            scenario=self._scenario.name,
            clients=clients,
            rate=rate,
            connections=connections or load.connections,
            page_size=parse_size(page_size) if page_size else load.page_size,
            keep_alive=load.keep_alive if keep_alive is None else keep_alive,
            warm_up=parse_duration(warm_up) if warm_up else load.warm_up,
            duration=seconds,
            max_duration=seconds,
            timeout=parse_duration(timeout) if timeout else load.timeout,
        )
        started = datetime.now(UTC)
        measurement = self._measure(point)
        self._put(PointRecord.measured(point, measurement, started))
        return measurement

    def hold(self, point: HttpPoint) -> Verdict:
        """Run `point` and fail the test unless it keeps the scenario's SLA.

        With `inconclusive_passes` a sample that cannot decide lets the test pass; its record says so.
        """
        __tracebackhide__ = True
        lengths = look_lengths(point.duration, point.max_duration)
        for look, duration in enumerate(lengths, start=1):
            started = datetime.now(UTC)
            looked = replace(point, duration=duration)
            measurement = self._measure(looked)
            verdict = judge(
                looked,
                measurement,
                self._scenario.sla,
                checks=self._checks,
                look=look,
                looks=len(lengths),
                staging=self.topology.staging.seconds,
            )
            if verdict.outcome is not Outcome.INCONCLUSIVE:
                break
        record = PointRecord.judged(looked, measurement, verdict, started)
        self._put(record)
        tolerated = {Outcome.PASS, Outcome.INCONCLUSIVE} if self._inconclusive_passes else {Outcome.PASS}
        if verdict.outcome not in tolerated:
            findings = "\n".join(words.findings(record))
            pytest.fail(f"{point.id}: {words.label(record)}\n{findings}", pytrace=False)
        return verdict

    def _measure(self, point: HttpPoint) -> Measurement:
        meter = _Meter(point, self._progress)
        reports = http.run(point, self._fleet, meter.second)
        meter.end()
        return measure(point, reports)

    def _put(self, record: PointRecord) -> None:
        for name, value in junit.properties(record):
            self._record_property(name, value)
        self._outbox.put(PointEnded(cloud=self._cloud, point=record))


class _Meter:
    """Turns agents' seconds into a line of progress."""

    def __init__(self, point: HttpPoint, progress: Progress) -> None:
        self._point = point
        self._progress = progress
        self._agents: defaultdict[int, int] = defaultdict(int)
        self._completed: defaultdict[int, int] = defaultdict(int)
        self._failed = 0

    def second(self, report: SecondReport) -> None:
        """Take one agent's second; show it once all agents' are there."""
        self._agents[report.index] += 1
        self._completed[report.index] += report.counts.completed
        self._failed += sum(report.counts.errors.values())
        if self._agents[report.index] < self._point.clients:
            return
        at = report.index + 1
        time = "warm-up" if at <= 0 else f"{at}/{self._point.duration:g}s"
        failed = f", {self._failed:,} failed" if self._failed else ""
        text = f"{time}, {self._completed[report.index]:,} requests/s{failed}"
        self._progress.show(self._point.id, f"{self._point.id}: {text}")

    def end(self) -> None:
        """Leave the line to what comes next."""
        self._progress.clear()
