"""What ARCHITECTURE.md says of exporters: ten lines each, after a run and while it lives."""

from __future__ import annotations

from kb_tests.events.bus import Bus
from kb_tests.events.model import AnyEvent, PointEnded, Stopping
from kb_tests.report import junit
from kb_tests.report.record import RunRecord
from tests.unit.report import build


def exposition(record: RunRecord) -> str:
    """The figures of a record as Prometheus reads them from a text file."""
    return "".join(
        f'{name.replace(".", "_")}{{run="{record.run}",point="{point.id}"}} {value}\n'
        for point in record.points
        for name, value in junit.properties(point)
        if not isinstance(value, str)
    )


class Counter:
    """A handler of events: it passes over what it does not care for, never blocks and never raises."""

    def __init__(self) -> None:
        self.ended = 0

    def handle(self, event: AnyEvent) -> None:
        if isinstance(event, PointEnded):
            self.ended += 1


def test_a_record_is_exported_by_the_names_that_junit_has() -> None:
    text = exposition(build.run([build.judged()]))
    assert 'kb_response_p99{run="1f2e3d4c",point="http-east-west-clients-' in text
    assert "kb_check_latency_p99_value" in text


def test_whoever_wants_to_know_while_it_runs_handles_events() -> None:
    counter, bus = Counter(), Bus()
    bus.add(counter)
    for event in (Stopping(), PointEnded(point=build.judged()), Stopping()):
        bus.put(event)
    assert counter.ended == 1
