"""Running HTTP points on a staged topology."""

from __future__ import annotations

from kb_tests.fleet.http.messages import SecondReport
from kb_tests.load import http
from kb_tests.measure.http.measurement import Measurement
from kb_tests.measure.http.merge import measure
from kb_tests.measure.http.start import without_start
from kb_tests.scenario.http import HttpPoint, HttpScenario
from kb_tests.scenario.units import parse_duration, parse_size, parse_warm_up
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.seconds import Part
from kb_tests.sla.http.judge import judge


class HttpRunner(PointRunner[HttpScenario, HttpPoint, Measurement]):
    """Runs HTTP points on one topology; the fixture `kb_http`."""

    kind = HttpScenario
    unit = "requests/s"
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
        seconds = self.seconds(point, point.warm_up, point.timeout)
        reports = http.run(point, self.fleet, lambda report: seconds.add(_part(report)))
        seconds.end()
        self.progress.clear()
        measured = measure(point, reports)
        return without_start(measured) if point.find_warm_up else measured

    def limits(self) -> dict[str, float]:
        """Of response times."""
        latency = self.scenario.sla.latency
        return (
            {f"latency p{percent:g}": limit for percent, limit in latency.limits().items()} if latency else {}
        )


def _part(report: SecondReport) -> Part:
    counts = report.counts
    return Part(
        agent=report.agent,
        index=report.index,
        due=counts.due,
        completed=counts.completed,
        failed=sum(counts.errors.values()) + counts.unsent,
        bytes=counts.bytes,
        buckets=report.buckets,
    )
