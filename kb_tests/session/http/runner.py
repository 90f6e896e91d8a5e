"""Running HTTP points on a staged topology."""

from __future__ import annotations

from collections.abc import Sequence

from kb_tests.fleet.http.messages import SecondReport
from kb_tests.load import http
from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.http.merge import measure
from kb_tests.measure.http.slots import slots
from kb_tests.measure.http.start import without_start
from kb_tests.measure.http.validity import sent_late, validity
from kb_tests.measure.recovery import Slot
from kb_tests.scenario.http import HttpPoint, HttpScenario, http_point, http_points
from kb_tests.scenario.own import number_of_clients, with_load, with_search
from kb_tests.session.found import Found
from kb_tests.session.http import failing
from kb_tests.session.http.result import HttpResult
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.seconds import Part
from kb_tests.session.sentences import in_one_sentence

_RUN = "kb_http.run"
_SEARCH = "kb_http.capacity"


class HttpRunner(PointRunner[HttpScenario, HttpPoint, HttpMeasurement]):
    """Runs HTTP points on one topology; the fixture `kb_http`."""

    kind = "http"
    unit = "requests/s"

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
        allow_invalid: bool = False,
    ) -> HttpResult:
        """Measure one load of a test's own, with arguments as in a scenario's `load`; what is not given is as
        there.

        `rate` is requests/s per generator. The record keeps the measurement; judging it is the test's job. A
        measurement that is not to be believed fails the test, unless it says `allow_invalid`.
        """
        __tracebackhide__ = True
        given = {
            "duration": duration,
            "warm_up": warm_up,
            "connections": connections,
            "page_size": page_size,
            "keep_alive": keep_alive,
            "timeout": timeout,
        }
        load: dict[str, object] = {"rate": [rate], "max_duration": None}
        load |= {key: value for key, value in given.items() if value is not None}
        with in_one_sentence():
            scenario = with_load(self.scenario, load, _RUN)
            number = number_of_clients(clients, self.servers(), scenario.name, _RUN)
            point = http_point(scenario, number, rate)
        return HttpResult(*self.run_own(point, allow_invalid=allow_invalid))

    def capacity(
        self,
        *,
        from_: float,
        to: float,
        of: str = "rate",
        rate: float | None = None,
        clients: int | None = None,
        step: str = "25%",
        width: str = "5%",
        probe: str = "30s",
        budget: str = "30min",
        allow_invalid: bool = False,
    ) -> Found:
        """Search how much load keeps the limits of the scenario's SLA, with arguments as in `load.capacity`.

        `from_` and `to` are per generator, what is found is of all `clients` of them together, at the
        confidence of the SLA for this search alone. A search of `clients` needs the `rate` of each. A search
        that ends by the instruments fails the test, unless it says `allow_invalid`.
        """
        __tracebackhide__ = True
        asked = {"of": of, "from": from_, "to": to}
        asked |= {"step": step, "width": width, "probe": probe, "budget": budget}
        with in_one_sentence():
            load = {"rate": None if of == "rate" else [rate]}
            scenario = with_search(self.scenario, asked, load, _SEARCH)
            number = number_of_clients(clients, self.servers(), scenario.name, _SEARCH)
            (point,) = http_points(scenario, number)
        return self.search_own(scenario, point, allow_invalid=allow_invalid)

    def doubts(
        self, point: HttpPoint, measurement: HttpMeasurement
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """A generator that sent late can make the cloud look slower only."""
        return validity(point, measurement), sent_late(point, measurement, self.scenario.sla)

    def failing(self, measurement: HttpMeasurement) -> tuple[str, ...]:
        """Each generator knows it of the one that it loads."""
        return failing.sentences(measurement.agents, self.topology)

    def slots(self, point: HttpPoint, measurement: HttpMeasurement) -> Sequence[Slot]:
        """By the seconds in which requests were due."""
        return tuple(slots(measurement, point.timeout))

    def drain(self, point: HttpPoint, measurement: HttpMeasurement) -> float:
        """A server may be at work on requests that were given up, for as long as that took once more."""
        counts = measurement.counts
        return point.timeout if counts.failed or counts.unsent or counts.inflight else 0.0

    def cut(self, measurement: HttpMeasurement) -> float:
        """The warm-up that was found."""
        return measurement.start.seconds if measurement.start else 0.0

    def measure(self, point: HttpPoint) -> HttpMeasurement:
        """Run it."""
        seconds = self.seconds(point, point.warm_up, point.timeout)
        limits = self.limits()
        reports = http.run(
            point,
            self.fleet,
            lambda report: seconds.add(_part(report, tuple(limits))),
            limits=tuple(limits.values()),
        )
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


def _part(report: SecondReport, limits: Sequence[str] = ()) -> Part:
    """`limits` are the names of those that `report` counts by."""
    counts = report.counts
    return Part(
        agent=report.agent,
        index=report.index,
        due=counts.due,
        completed=counts.completed,
        failed=sum(counts.errors.values()) + counts.unsent + counts.inflight,
        bytes=counts.bytes,
        buckets=report.buckets,
        slower=dict(zip(limits, report.slower, strict=False)),
        lag=report.lag,
        cpu=report.cpu,
    )
