"""A kind of load of its own, `connects`: what every room has to know of it, room by room."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from kb_tests.cloud import http
from kb_tests.cloud import workloads as cloud
from kb_tests.cloud.topology import Role
from kb_tests.fleet import workloads as fleet
from kb_tests.fleet.boot import HTTP_PORT
from kb_tests.fleet.collect import Gathering
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.messages import ClockChange, LoadReport, Message, Text
from kb_tests.measure.recovery import Recovery
from kb_tests.measure.whole import sort_out, unfinished
from kb_tests.report import measurements, words
from kb_tests.report import workloads as report
from kb_tests.report.measured import Part as RecordPart
from kb_tests.report.record import PointRecord, TopologyRecord
from kb_tests.report.shown import Column, Pairs, Presentation, Property, Shown
from kb_tests.scenario import workloads as scenario
from kb_tests.scenario.base import Clients, Point, ScenarioName
from kb_tests.scenario.http import HttpTopology
from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Duration, Share
from kb_tests.session import workloads as session
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.runners import runner
from kb_tests.session.seconds import Part
from kb_tests.sla import workloads as sla
from kb_tests.sla.decide import of_sample
from kb_tests.sla.family import worst
from kb_tests.sla.verdict import Check, Outcome, Verdict

KIND = "connects"

# scenario/: what a file says, and the points that it stands for


class ConnectsLoad(Section):
    rate: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1)]
    clients: Clients | None = None
    duration: Duration = 5.0


class ConnectsSla(Section):
    p99: Duration
    failed: Share = 0.0
    staging: Duration | None = None
    recovery: ClassVar[None] = None  # nothing is done to the cloud meanwhile: see docs/hooks.md
    baseline: ClassVar[None] = None  # nor is it held against earlier runs: see docs/compare.md
    confidence: Share = 0.95


class ConnectsScenario(Section):
    name: ScenarioName
    kind: Literal["connects"]
    description: str = ""
    topology: HttpTopology = HttpTopology()
    load: ConnectsLoad
    sla: ConnectsSla
    hooks: ClassVar[tuple[()]] = ()


@dataclass(frozen=True, kw_only=True)
class ConnectsPoint(Point):
    kind = KIND
    rate: int

    @property
    def offered(self) -> float:
        return float(self.clients * self.rate)

    @property
    def load(self) -> str:
        return str(self.rate)


def points(asked: ConnectsScenario, clients: int) -> list[ConnectsPoint]:
    return [
        ConnectsPoint(
            id=f"{asked.name}-clients-{clients}-rate-{rate}",
            scenario=asked.name,
            clients=clients,
            duration=asked.load.duration,
            max_duration=asked.load.duration,
            rate=rate,
        )
        for rate in sorted(asked.load.rate)
    ]


# fleet/: what the agents report


class ConnectsSecond(Message):
    kind: Literal["connects_second"]
    id: Text
    index: Annotated[int, Field(ge=0, le=86_400)]
    took: Annotated[list[Annotated[float, Field(ge=-1, le=3600)]], Field(max_length=1000)]


class ConnectsDone(Message):
    kind: Literal["connects_done"]
    id: Text
    clock_change: ClockChange


class ConnectsGathering(Gathering[ConnectsSecond, ConnectsSecond, ConnectsDone]):
    second, block, end = ConnectsSecond, ConnectsSecond, ConnectsDone

    def check(self) -> None:
        if not self.complete:
            self.set_problem("it fell silent")


# load/ and measure/: how a point is run, and what came out

TIMEOUT = 1.0
Reports = Sequence[LoadReport[ConnectsSecond, ConnectsSecond, ConnectsDone]]


@dataclass(frozen=True)
class Connects:
    """What came out of one point: seconds that each connection took, ascending; and how many failed."""

    took: tuple[float, ...]
    failed: int
    duration: float
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def due(self) -> int:
        return len(self.took) + self.failed

    def percentile(self, percent: float) -> float:
        """Of those due: one that failed is slower than any."""
        rank = max(1, math.ceil(self.due * percent / 100))
        return self.took[rank - 1] if rank <= len(self.took) else math.inf


def load(point: ConnectsPoint, staged: Fleet, on_report: Callable[[Any], None]) -> Reports:
    options = {"rate": point.rate, "duration": int(point.duration), "timeout": TIMEOUT, "port": HTTP_PORT}
    command = {"kind": "engine", "engine": KIND, "options": options}
    longest = point.duration * (1 + TIMEOUT)
    return staged.run(command, point.clients, longest, ConnectsGathering, on_report)


def measure(point: ConnectsPoint, reports: Reports) -> Connects:
    def whole(report: LoadReport[ConnectsSecond, ConnectsSecond, ConnectsDone]) -> list[float] | str:
        took = [one for second in report.seconds for one in second.took]
        short = len(took) != point.rate * int(point.duration)
        return unfinished(report) or ("its report has gaps" if short else took)

    parts, missing = sort_out(reports, point.clients, "generator", whole)
    took = [one for part in parts for one in part]
    good = tuple(sorted(one for one in took if one >= 0))
    return Connects(good, len(took) - len(good), point.duration, missing)


# sla/: whether it is good


def judge(
    point: ConnectsPoint,
    measurement: Connects,
    sla: ConnectsSla,
    *,
    checks: int | None,
    look: int,
    looks: int,
    staging: float | None,
    recovery: Sequence[Recovery],
    faults: Sequence[str],
    earlier: Sequence[Connects],
) -> Verdict:
    def check(name: str, found: float, limit: float, unit: str) -> Check:
        outcome, *chances = of_sample(found <= limit)
        return Check(name, outcome, found, limit, unit, found, found, True, "Of the sample.", *chances)

    made = (
        check("latency p99", measurement.percentile(99), sla.p99, "s"),
        check("errors", measurement.failed / max(1, measurement.due), sla.failed, ""),
    )
    reasons = tuple(f"{agent} is missing: {why}." for agent, why in measurement.missing.items())
    return Verdict(Outcome.INVALID if reasons else worst(made), made, reasons, sla.confidence, look)


# report/: what is kept of it, and how it is shown


class ConnectsRecord(RecordPart):
    took: tuple[float, ...]
    failed: int
    duration: float
    missing: dict[str, str]


@dataclass(frozen=True)
class ConnectsShown(Shown):
    point: ConnectsPoint
    measured: Connects

    def cell(self, column: Column) -> str:
        return dict(self.facts())[column[0]]

    def row(self) -> tuple[str, str, str]:
        p50, p99 = (words.duration(self.measured.percentile(percent)) for percent in (50, 99))
        return f"{len(self.measured.took) / self.measured.duration:g} connects/s", f"p50 {p50}", f"p99 {p99}"

    def facts(self) -> Pairs:
        return (
            ("Offered", f"{self.point.offered:g}/s"),
            ("p99", words.duration(self.measured.percentile(99))),
            ("Failed", f"{self.measured.failed}"),
        )

    def properties(self) -> list[Property]:
        return [("kb.offered", self.point.offered), ("kb.connects.failed", self.measured.failed)]


class ConnectsPresentation(Presentation[ConnectsPoint]):
    unit = "connects/s"
    things = "connections"

    def shown(self, record: PointRecord, topology: TopologyRecord | None = None) -> Shown:
        assert isinstance(record.point, ConnectsPoint)
        assert isinstance(record.measurement, ConnectsRecord)
        return ConnectsShown(record.point, Connects(**dict(record.measurement)))

    def columns(self, checks: Sequence[str]) -> list[Column]:
        return [("Offered", ""), ("p99", "latency p99"), ("Failed", "errors")]


# session/: the fixture that a test takes


class ConnectsRunner(PointRunner[ConnectsScenario, ConnectsPoint, Connects]):
    kind = KIND
    unit = "connects/s"

    def measure(self, point: ConnectsPoint) -> Connects:
        seconds = self.seconds(point, 0.0, TIMEOUT)

        def live(report: Any) -> None:
            if isinstance(report, ConnectsSecond):
                good = [one for one in report.took if one >= 0]
                due = len(report.took)
                seconds.add(Part(report.agent, report.index, due, len(good), due - len(good), 0, ()))

        reports = load(point, self.fleet, live)
        seconds.end()
        return measure(point, reports)

    def limits(self) -> dict[str, float]:
        return {"latency p99": self.scenario.sla.p99}

    def doubts(self, point: ConnectsPoint, measurement: Connects) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(measurement.missing), ()


@pytest.fixture
def kb_connects(request: pytest.FixtureRequest, kb_fleet: Any) -> ConnectsRunner:
    """Runs points of this kind on the staged topology."""
    made = runner(KIND, request, kb_fleet)
    assert isinstance(made, ConnectsRunner)
    return made


# and an entry in the table of each room


def record(point: ConnectsPoint, measured: Connects, limits: Mapping[str, float]) -> ConnectsRecord:
    return ConnectsRecord(**asdict(measured))


def engine() -> Mapping[str, str]:
    source = Path(__file__).with_name("engine.py").read_text()
    return {f"{KIND}/__init__.py": "", f"{KIND}/engine.py": source}


def register() -> None:
    """Make the kind known."""
    scenario.WORKLOADS[KIND] = scenario.Workload(ConnectsScenario, ConnectsPoint, points, {"p99": "1h"})
    cloud.WORKLOADS[KIND] = cloud.Workload(http.plan)
    fleet.WORKLOADS[KIND] = fleet.Workload((ConnectsSecond, ConnectsDone), {Role.CLIENT: engine()})
    sla.WORKLOADS[KIND] = sla.Workload(judge, lambda _point, _sla: 0, lambda _scenario, _checks: ())
    measurements.MEASUREMENTS[KIND] = measurements.Kept(ConnectsRecord, record)
    report.WORKLOADS[KIND] = ConnectsPresentation()
    session.WORKLOADS[KIND] = session.Workload("kb_connects", lambda: ConnectsRunner)
