"""No number that an agent may report ends in a traceback: not while it is shown, judged, recorded or told."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from kb_tests.events import lines
from kb_tests.events.bus import Bus
from kb_tests.events.model import AnyEvent, PointStarted
from kb_tests.fleet.http.messages import HttpReport, SecondReport
from kb_tests.fleet.roster import Roster
from kb_tests.fleet.storage.messages import KeptIoSecond, StorageReport
from kb_tests.measure.http.merge import measure
from kb_tests.measure.http.start import without_start
from kb_tests.measure.storage.merge import measure as measure_storage
from kb_tests.report import html, junit, terminal
from kb_tests.report.record import PointRecord, RunRecord
from kb_tests.scenario.points import Point
from kb_tests.scenario.storage import StorageSla
from kb_tests.session.http.result import HttpResult
from kb_tests.session.http.runner import _part as http_part
from kb_tests.session.live import LiveLine
from kb_tests.session.progress import Progress
from kb_tests.session.seconds import Part, Seconds
from kb_tests.session.storage.runner import _part as storage_part
from kb_tests.sla.http.judge import judge
from kb_tests.sla.storage.judge import judge as judge_storage
from tests.unit.fleet.agents import topology
from tests.unit.fuzz import examples
from tests.unit.measure import io_reports
from tests.unit.measure.reports import POINT, SLA, fleet
from tests.unit.report import build
from tests.unit.sla.test_wild import wild

INTEGERS = st.sampled_from([0, 1, 2, 7, 100, 1 << 31, (1 << 36) - 1, 1 << 36, (1 << 53) - 1, 1 << 53])
FLOATS = st.sampled_from([0.0, 1e-300, 1e-9, 0.5, 4.999, 5.0, 30.0, 86_400.0, 1e11, -1e11, -1.0, -1e-9])


def numbers(value: Any) -> list[tuple[Any, ...]]:
    """The places of all numbers in a message."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, dict):
        return [(key, *place) for key, inner in value.items() for place in numbers(inner)]
    if isinstance(value, list):
        return [(index, *place) for index, inner in enumerate(value) for place in numbers(inner)]
    return [()]


@st.composite
def extreme(draw: st.DrawFn, message: BaseModel) -> Any:
    """A message that the controller accepts, with some of its numbers as large or as small as they may be."""
    data = message.model_dump(mode="json")
    places = [place for place in numbers(data) if place[0] not in ("v", "seq")]
    for place in draw(st.lists(st.sampled_from(places), max_size=4, unique=True)):
        inner = data
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = draw(INTEGERS if isinstance(inner[place[-1]], int) else FLOATS)
    try:
        return type(message).model_validate_json(json.dumps(data))
    except ValidationError:
        return message


SECOND = SecondReport.model_validate(
    {
        "v": 1,
        "agent": "a",
        "seq": 1,
        "kind": "second",
        "id": "1",
        "index": 0,
        "counts": {
            "due": 3,
            "sent": 3,
            "completed": 2,
            "unsent": 0,
            "inflight": 0,
            "bytes": 9,
            "errors": {"timeout": 1, "reset": 0},
        },
        "open": 1,
        "buckets": [(30, 2), (31, 1)],
    }
)
IO_SECOND = io_reports.sent(0, 3, 2)


class View:
    """What a watcher of a session gets to see of a point's seconds."""

    def __init__(self, agents: list[str]) -> None:
        self.seen: list[AnyEvent] = []
        stub = SimpleNamespace(show=lambda *_, **__: None)
        self.bus = Bus([LiveLine(cast("Progress", stub))])
        self.bus.put(
            PointStarted(
                cloud="",
                point="p",
                look=1,
                looks=1,
                duration=5.0,
                warm_up=0.0,
                offered=1.0,
                unit="req/s",
                agents=len(agents),
            )
        )
        hosts = dict.fromkeys(agents, "host")
        self.seconds = Seconds("", "p", hosts, self.tell, first=-2, last=9)

    def tell(self, event: Any) -> None:
        self.bus.put(event)
        assert lines.decode(lines.encode(0, 0.0, lines.filed(event)))
        self.seen.append(event)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(extreme(SECOND), min_size=4, max_size=4), st.lists(extreme(IO_SECOND), min_size=4, max_size=4)
)
def test_no_second_that_an_agent_may_send_stops_the_view(http: list[Any], io: list[Any]) -> None:
    agents = [f"agent-{number}" for number in range(max(len(http), len(io)))]
    for parts in ([http_part(report) for report in http], [storage_part(report) for report in io]):
        view = View(agents)
        for agent, part in zip(agents, parts, strict=False):
            view.seconds.add(Part(**{**vars(part), "agent": agent}))
        view.seconds.end()
        assert len(view.seen) <= 12


def told(point: Point, measured: Any, verdict: Any, *, charts: bool) -> None:
    """Every report of it, from a record that was written and read again."""
    run = build.run([PointRecord.judged(point, measured, verdict, started=build.STARTED)])
    again = RunRecord.model_validate_json(run.model_dump_json())
    assert repr(again.points[0].verdict) == repr(run.points[0].verdict)
    assert junit.properties(again.points[0])
    assert terminal.summary(again, None)
    if charts:
        assert html.render(again)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.one_of(*(wild(one) for one in fleet())), min_size=1, max_size=2), st.integers(0, 9))
def test_whatever_generators_report_is_judged_and_told(reports: list[HttpReport], chance: int) -> None:
    measured = measure(POINT, reports)
    found = HttpResult(POINT, measured)
    assert all(isinstance(one.percentile(99), float) for one in (found.latency, found.service))
    without_start(measured)
    told(POINT, measured, judge(POINT, measured, SLA), charts=chance == 0)


@st.composite
def io_report(draw: st.DrawFn) -> StorageReport:
    """A storage server's report with numbers as large or as small as they may be."""
    whole = io_reports.report(io_reports.steady_blocks())
    blocks = list(whole.blocks)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(blocks) - 1))
        blocks[place] = draw(extreme(blocks[place]))
    sent = [io_reports.sent(index, 100) for index in range(5)]
    seconds = [KeptIoSecond.of(draw(extreme(second)) if draw(st.booleans()) else second) for second in sent]
    assert whole.done is not None
    done = draw(extreme(io_reports.done(blocks=10, stalls=[(3.0, 2.0), (9.0, 1.0)])))

    return replace(
        whole, blocks=tuple(blocks), seconds=(*seconds, *whole.seconds[5:]), done=cast("Any", done)
    )


STORAGE_SLA = StorageSla.model_validate({"read_latency": {"p50": "10ms", "p99": "50ms"}, "achieved": "80%"})


@settings(max_examples=examples(30), deadline=None)
@given(io_report(), st.integers(0, 9), st.sampled_from([0.0, 100.0, 1e8]))
def test_whatever_storage_servers_report_is_judged_and_told(
    report: StorageReport, chance: int, rate: float
) -> None:
    point = io_reports.point(rate=rate)
    measured = measure_storage(point, [report])
    told(point, measured, judge_storage(point, measured, STORAGE_SLA), charts=chance == 0)


@settings(max_examples=examples(40), deadline=None)
@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=5), st.none()))
@example(10**400)
@example(-(10**4000))
@example(10**4299)
def test_any_version_of_the_protocol_is_one_sentence(version: Any) -> None:
    roster = Roster(topology(1).agents)
    (name, *_) = roster.members
    raw = json.dumps({"v": version, "agent": name, "seq": 1, "kind": "hello"}).encode()
    agent, report, problem = roster.read(raw)
    assert (agent, report) == (name, None)
    assert problem
    assert len(problem) < 300


def test_a_version_that_python_does_not_read_is_nobodys() -> None:
    roster = Roster(topology(1).agents)
    assert roster.read(b'{"v": ' + b"9" * 5000 + b"}")[:2] == ("", None)
