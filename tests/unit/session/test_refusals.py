"""Whatever keeps a search from a number: what the test, the terminal and the exit code say of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.report import terminal
from kb_tests.report.exitcode import exit_code
from kb_tests.report.record import PointRecord
from kb_tests.scenario.capacity import searched
from kb_tests.scenario.http import HttpPoint, HttpScenario, http_point
from kb_tests.session.probe import Probe
from kb_tests.session.searching import run_search
from kb_tests.sla import workloads
from kb_tests.sla.capacity.known import Known
from kb_tests.sla.capacity.model import Counts, End
from kb_tests.sla.capacity.near import fit
from kb_tests.sla.verdict import Outcome
from tests.unit.report import build

Share = Callable[[float, float], float]
MEASURED = build.measurement(build.point())
VERDICT = build.verdict([build.check("latency p99", 0.01, 0.05)])


def scenario(width: str = "5%", sla: dict[str, Any] | None = None) -> HttpScenario:
    return HttpScenario.model_validate(
        {
            "name": "far",
            "kind": "http",
            "topology": {"servers_per_network": 4},
            "load": {
                "capacity": {"of": "rate", "from": 100, "to": 4000, "width": width},
                "connections": 1000,
            },
            "sla": {"latency": {"p99": "50ms"}, **(sla or {})},
        }
    )


class Staged:
    """What took 20 s to stage."""

    staging = SimpleNamespace(seconds=20.0)


STAGED = Staged()


@dataclass
class Cloud:
    """In place of a runner: the share of slow ones by load per generator and time; generators that end at a
    load, one that is gone after a time, and the load that connections allow.
    """

    share: Share
    generators: float = math.inf
    gone: float = math.inf
    allowed: float | None = None
    times: list[float] = field(default_factory=list)
    checks: int = 1
    search: str = ""
    topology: Any = STAGED

    def probe(self, point: HttpPoint) -> Probe[HttpPoint, Any]:
        self.times.append(point.before + point.duration)
        return Probe(point, replace(MEASURED, point_id=point.id), VERDICT, build.STARTED)

    @property
    def at(self) -> float:
        """Seconds since it began; a runner's copies share them."""
        return sum(self.times)

    def drain(self, *_: object) -> float:
        return 0.0

    def counts(self, point: HttpPoint, *_: object) -> dict[str, Counts]:
        due = int(point.offered * point.duration / 8)
        slow = round(due * self.share(point.rate, self.at))
        return {"latency p99": Counts((slow,) * 8, (due,) * 8), "connections": Counts((0,), (1,))}

    def reasons(self, point: HttpPoint, *_: object, kept: bool) -> tuple[tuple[str, ...], bool]:
        assert isinstance(kept, bool)
        if self.at > self.gone:
            return ("1 of 4 generators is missing.",), False
        busy = point.rate > self.generators
        return (("No CPU to spare.",) if busy else ()), busy


def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, asked: HttpScenario) -> PointRecord:
    assert asked.load.capacity is not None
    point = searched(http_point(asked, 4, asked.load.rate[0]), asked.load.capacity, "rate-100")
    known = workloads.WORKLOADS["http"]
    assert known.searching is not None
    searching = replace(
        known.searching, counts=cloud.counts, reasons=cloud.reasons, bound=lambda *_: cloud.allowed
    )
    monkeypatch.setitem(workloads.WORKLOADS, "http", replace(known, searching=searching))
    return run_search(cast("Any", cloud), asked, point, lambda _: None, clock=lambda: cloud.at)


def rising(capacity: float) -> Share:
    return lambda load, _at: min(0.9, 0.01 * (load / capacity) ** 20)


def cliff(at_most: float, after: float, *, at: float) -> Share:
    """A cloud that breaks without any warning, and from that second on elsewhere."""
    return lambda load, now: 0.0 if load <= (after if now > at else at_most) else 0.4


def unsure(_load: float, _at: float) -> float:
    """By the figure it breaks at once, and no verdict says so."""
    return 0.0105


@pytest.mark.parametrize(
    ("cloud", "end", "outcome", "code", "said"),
    [
        (
            Cloud(lambda *_: 0.3),
            End.BELOW,
            Outcome.FAIL,
            1,
            "The SLA is broken at 400 requests/s already, by latency p99 <= 50ms: it is below where the"
            " search begins.",
        ),
        (
            Cloud(lambda *_: 0.0),
            End.AT_LEAST,
            Outcome.PASS,
            0,
            "At least 15,977 requests/s keep the SLA: there the search ends (16,000), not the cloud.",
        ),
        (
            Cloud(rising(4000)),
            End.AT_LEAST,
            Outcome.PASS,
            0,
            "requests/s keep the SLA; that 16,000 do, where the search ends, was not decided.",
        ),
        (
            Cloud(lambda *_: 0.0, generators=400),
            End.GENERATORS,
            Outcome.INVALID,
            11,
            "requests/s keep the SLA; here the generators end: No CPU to spare.",
        ),
        (
            Cloud(lambda *_: 0.0, generators=50),
            End.GENERATORS,
            Outcome.INVALID,
            11,
            "Generators end at the first loads already, and nothing is said of the cloud: No CPU to spare.",
        ),
        (
            Cloud(rising(1000), gone=120),
            End.INVALID,
            Outcome.INVALID,
            11,
            "The search could not go on, and finds no capacity: 1 of 4 generators is missing.",
        ),
        (
            Cloud(rising(1000), allowed=1010.0),
            End.CONNECTIONS,
            Outcome.INVALID,
            11,
            "What ends here are the connections, or the I/Os under way, and not the cloud: at the time that"
            " each takes they allow 4,040 requests/s; raise load.connections, or iodepth.",
        ),
        (
            Cloud(cliff(1045, 1000, at=260)),
            End.DRIFTING,
            Outcome.INCONCLUSIVE,
            10,
            "The cloud changed while it was searched: what was found before and after does not agree; no"
            " capacity is given.",
        ),
        (
            Cloud(unsure),
            End.UNDECIDED,
            Outcome.INCONCLUSIVE,
            10,
            "Whether the SLA is kept at 400 requests/s, where the search begins, could not be decided: no"
            " capacity is given.",
        ),
    ],
    ids=lambda one: str(one) if isinstance(one, End) else "",
)
def test_every_refusal_is_said_and_counted(
    monkeypatch: pytest.MonkeyPatch, cloud: Cloud, end: End, outcome: Outcome, code: int, said: str
) -> None:
    found = run(replace(cloud, times=[]), monkeypatch, scenario("2%" if end is End.DRIFTING else "5%"))
    told(found, end, outcome, code, said)


def told(found: PointRecord, end: End, outcome: Outcome, code: int, said: str) -> None:
    capacity = found.capacity
    assert capacity is not None
    assert (capacity.end, found.outcome) == (end, outcome), (capacity.low, capacity.high)
    record = build.run([found])
    assert said in " ".join(line.text.strip() for line in terminal.summary(record, None))
    assert exit_code(record.counted(), pytest_status=int(code != 0)) == code
    if end not in (End.AT_LEAST, End.GENERATORS, End.BELOW):
        assert (capacity.low, capacity.high) == (0, math.inf)
        assert math.isnan(capacity.middle)


def test_a_budget_that_ends_the_first_steps_says_how_far_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scenario()
    assert asked.load.capacity is not None
    short = asked.load.capacity.model_copy(update={"budget": 60.0})
    asked = asked.model_copy(update={"load": asked.load.model_copy(update={"capacity": short})})
    told(
        run(Cloud(lambda *_: 0.0), monkeypatch, asked),
        End.UNDECIDED,
        Outcome.INCONCLUSIVE,
        10,
        "within the budget of 1 min, which ended its first steps at 781 requests/s: no capacity is given.",
    )


def test_a_curve_that_contradicts_the_verdicts_gives_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fit

    def below(known: Any, centre: float, reach: float) -> Any:
        near = honest(known, centre, reach)
        return replace(near, low=known.kept * 0.98, high=known.kept * 0.99) if near and known.kept else near

    monkeypatch.setattr("kb_tests.sla.capacity.search.fit", below)
    found = run(Cloud(rising(1000)), monkeypatch, scenario())
    told(
        found,
        End.CONTRADICTION,
        Outcome.INCONCLUSIVE,
        10,
        "The curve through the counts contradicts the verdicts: no capacity is given.",
    )


def test_what_keeps_above_what_breaks_gives_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a cloud that changes comes to that, and few do before they are seen to drift."""
    monkeypatch.setattr(Known, "monotone", property(lambda known: len(known.whole) < 4))
    told(
        run(Cloud(rising(1000)), monkeypatch, scenario()),
        End.NOT_MONOTONE,
        Outcome.INCONCLUSIVE,
        10,
        "A load that keeps the SLA lies above one that breaks it: no capacity is given.",
    )


@pytest.mark.parametrize(("gate", "outcome", "code"), [(1000, Outcome.PASS, 0), (1700, Outcome.INVALID, 11)])
def test_generators_that_end_above_the_gate_have_shown_enough(
    monkeypatch: pytest.MonkeyPatch, gate: int, outcome: Outcome, code: int
) -> None:
    asked = scenario(sla={"capacity": {"at_least": gate}})
    found = run(Cloud(lambda *_: 0.0, generators=400), monkeypatch, asked)
    told(found, End.GENERATORS, outcome, code, "here the generators end")
