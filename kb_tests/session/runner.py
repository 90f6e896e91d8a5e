"""Running HTTP points on a staged topology."""

from __future__ import annotations

from collections import defaultdict

from kb_tests.fleet.messages import SecondReport
from kb_tests.load import http
from kb_tests.measure.measurement import Measurement
from kb_tests.measure.merge import measure
from kb_tests.scenario.model import HttpScenario
from kb_tests.scenario.points import HttpPoint
from kb_tests.scenario.units import parse_duration, parse_size
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.progress import Progress
from kb_tests.sla.family import look_lengths
from kb_tests.sla.judge import judge
from kb_tests.sla.verdict import Verdict


class HttpRunner(PointRunner[HttpScenario, HttpPoint, Measurement]):
    """Runs HTTP points on one topology; the fixture `kb_http`."""

    kind = HttpScenario

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
        load = self.scenario.load
        clients = self._clients(clients)
        seconds = parse_duration(duration) if duration else load.duration
        point = HttpPoint(
            id=f"{self.scenario.name}-clients-{clients}-rate-{rate:g}",
            scenario=self.scenario.name,
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
        return self.measured(point)

    def looks(self, point: HttpPoint) -> tuple[float, ...]:
        """At most three."""
        return look_lengths(point.duration, point.max_duration)

    def measure(self, point: HttpPoint) -> Measurement:
        """Run it."""
        meter = _Meter(point, self.progress)
        reports = http.run(point, self.fleet, meter.second)
        meter.end()
        return measure(point, reports)

    def judge(self, point: HttpPoint, measurement: Measurement, look: int, looks: int) -> Verdict:
        """By the scenario's SLA."""
        return judge(
            point,
            measurement,
            self.scenario.sla,
            checks=self.checks,
            look=look,
            looks=looks,
            staging=self.topology.staging.seconds,
        )


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
