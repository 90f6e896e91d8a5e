"""Running HTTP points on a staged topology."""

from __future__ import annotations

from kb_tests.fleet.http.messages import SecondReport
from kb_tests.load import http
from kb_tests.measure.http.measurement import Measurement
from kb_tests.measure.http.merge import measure
from kb_tests.measure.http.start import without_start
from kb_tests.scenario.http import HttpPoint, HttpScenario
from kb_tests.scenario.units import parse_duration, parse_size, parse_warm_up
from kb_tests.session.meter import Flow, Meter
from kb_tests.session.point_runner import PointRunner
from kb_tests.sla.http.judge import judge


class HttpRunner(PointRunner[HttpScenario, HttpPoint, Measurement]):
    """Runs HTTP points on one topology; the fixture `kb_http`."""

    kind = HttpScenario
    judge = staticmethod(judge)

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
        before = parse_warm_up(warm_up) if warm_up else load.warm_up
        point = HttpPoint(
            id=f"{self.scenario.name}-clients-{clients}-rate-{rate:g}",
            scenario=self.scenario.name,
            clients=clients,
            rate=rate,
            connections=connections or load.connections,
            page_size=parse_size(page_size) if page_size else load.page_size,
            keep_alive=load.keep_alive if keep_alive is None else keep_alive,
            warm_up=before or 0.0,
            duration=seconds,
            max_duration=seconds,
            timeout=parse_duration(timeout) if timeout else load.timeout,
            find_warm_up=before is None,
            tls=load.tls,
        )
        return self.measured(point)

    def measure(self, point: HttpPoint) -> Measurement:
        """Run it."""
        meter = _HttpMeter(point, self.progress)
        reports = http.run(point, self.fleet, meter.second)
        meter.end()
        measured = measure(point, reports)
        return without_start(measured) if point.find_warm_up else measured


class _HttpMeter(Meter[SecondReport]):
    """Of requests that were answered."""

    unit, before = "requests/s", "warm-up"

    def flow(self, report: SecondReport) -> Flow:
        """As it was counted."""
        return Flow(report.counts.completed, report.counts.bytes, sum(report.counts.errors.values()))
