"""What a test of one's own gets from `kb_http.run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kb_tests.errors import ScenarioError
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts, GeneratorFacts, HttpMeasurement, Second, Start
from kb_tests.measure.latency import Latency
from kb_tests.scenario.http import HttpPoint
from kb_tests.sla.http.judge import CLOSED_LOOP


@dataclass(frozen=True)
class HttpResult:
    """What came out of one load. All times are seconds, all rates per second, all sizes bytes.

    Every percentile is one of the requests that were *due*: a request that failed, timed out or was never
    sent is slower than any time, so that a cloud which refuses quickly does not look fast. `invalid` says why
    it is not to be believed, which only a test that allows it gets to see.
    """

    point: HttpPoint
    measurement: HttpMeasurement
    invalid: tuple[str, ...] = ()

    @property
    def latency(self) -> Latency:
        """Response times, from the moment a request was due.

        Raises ScenarioError for a closed loop (rate 0), whose times say nothing of what users wait.
        """
        if not self.point.rate:
            raise ScenarioError(CLOSED_LOOP, remedy="Name a rate, or ask for `service`.")
        return self._of_due(self.measurement.response)

    @property
    def response(self) -> Latency:
        """The same as `latency`."""
        return self.latency

    @property
    def service(self) -> Latency:
        """Service times, from the moment a request was sent: what they took the servers, whatever waited for
        a connection before.
        """
        return self._of_due(self.measurement.service)

    @property
    def counts(self) -> Counts:
        """How the requests ended that were due in the window."""
        return self.measurement.counts

    @property
    def errors(self) -> float:
        """The share (0 to 1) of the requests due that failed; 1 where none was due."""
        counts = self.measurement.counts
        return (counts.due - counts.completed) / counts.due if counts.due else 1.0

    @property
    def duration(self) -> float:
        """The measured window, in seconds."""
        return self.measurement.duration

    @property
    def offered(self) -> float:
        """Requests per second that all generators together were asked to send."""
        return self.measurement.offered

    @property
    def achieved(self) -> float:
        """Successful requests per second inside the window."""
        return self.measurement.achieved

    @property
    def throughput(self) -> float:
        """Bytes of successful requests per second inside the window."""
        return self.measurement.throughput

    @property
    def seconds(self) -> tuple[Second, ...]:
        """The window second by second, and the warm-up before it."""
        return self.measurement.seconds

    @property
    def agents(self) -> tuple[GeneratorFacts, ...]:
        """The state of each generator's instruments."""
        return self.measurement.agents

    @property
    def missing(self) -> Mapping[str, str]:
        """Generators that did not deliver a whole report, with why."""
        return self.measurement.missing

    @property
    def start(self) -> Start | None:
        """The warm-up that was found and cut off, where it was to be found."""
        return self.measurement.start

    def _of_due(self, taken: Histogram) -> Latency:
        counts = self.measurement.counts
        return Latency.of_due(taken, counts.due, counts.completed, self.point.timeout)
