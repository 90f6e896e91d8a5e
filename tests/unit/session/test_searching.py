"""A capacity search as one test: probes below it in the record, its verdict, and what is said of it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.events.lines import filed
from kb_tests.events.model import PointEnded, PointSeen
from kb_tests.report import headline, html, junit, telling, terminal
from kb_tests.report.capacity import CapacityRecord, check, sentences
from kb_tests.report.changes import Probed
from kb_tests.report.charts.capacity import tried
from kb_tests.report.charts.description import Plot
from kb_tests.report.charts.plot import draw
from kb_tests.report.exitcode import exit_code
from kb_tests.report.record import PointRecord, RunRecord
from kb_tests.scenario.capacity import searched
from kb_tests.scenario.http import HttpPoint, HttpScenario, http_point
from kb_tests.session.attempts import Attempts
from kb_tests.session.probe import Probe
from kb_tests.session.recorder import Recorder
from kb_tests.session.searching import Made, Searching, run_search
from kb_tests.session.strategy import follow
from kb_tests.sla import workloads
from kb_tests.sla.capacity.model import NUMBERED, Counts, End, Limit, Plan, Seen
from kb_tests.sla.http.judge import judge
from kb_tests.sla.verdict import Outcome
from kb_tests.web.http import HttpFace
from kb_tests.web.points import point_shape
from kb_tests.web.runs import run_shape
from tests.unit.report import build


def scenario(**sla: object) -> HttpScenario:
    return HttpScenario.model_validate(
        {
            "name": "far",
            "kind": "http",
            "topology": {"servers_per_network": 4},
            "load": {"capacity": {"of": "rate", "from": 100, "to": 4000}, "connections": 1000},
            "sla": {"latency": {"p99": "50ms"}, **sla},
        }
    )


class Cloud:
    """In place of a runner: a cloud that keeps p99 up to `capacity` per generator."""

    def __init__(self, asked: HttpScenario, capacity: float) -> None:
        self.target = SimpleNamespace(scenario=asked)
        self.topology = SimpleNamespace(staging=SimpleNamespace(seconds=20.0))
        self.checks, self.search, self.capacity = 1, "", capacity
        self.at, self.rested = 0.0, 0.0

    def probe(self, point: HttpPoint) -> Probe[HttpPoint, Any]:
        self.at += point.before + point.duration
        slow = 0.2 if point.rate > self.capacity else 0.004
        measured = build.measurement(point, median=slow)
        verdict = judge(point, measured, self.target.scenario.sla, checks=self.checks)
        return Probe(point, measured, verdict, build.STARTED)

    def drain(self, point: HttpPoint, _measurement: object) -> float:
        return point.timeout if point.rate > self.capacity else 0.0

    def wait(self, seconds: float) -> None:
        self.at += seconds
        self.rested += seconds


def counts(point: HttpPoint, measurement: Any, _sla: object) -> dict[str, Counts]:
    """By batch, which the synthetic measurements have none of."""
    due = int(point.offered * point.duration / 8)
    slow = measurement.response.share_above(0.05)
    share = {"latency p99": slow, "connections": 0}
    return {name: Counts((round(part * due),) * 8, (due,) * 8) for name, part in share.items()}


def believed(*_: object, kept: bool) -> tuple[tuple[str, ...], bool]:
    assert isinstance(kept, bool)
    return (), False


def run(
    asked: HttpScenario, capacity: float, attempt: int = 1
) -> tuple[PointRecord, list[PointRecord], Cloud]:
    assert asked.load.capacity is not None
    point = searched(http_point(asked, 4, asked.load.rate[0]), asked.load.capacity, "rate-100")
    cloud, probes = Cloud(asked, capacity), list[PointRecord]()
    known = workloads.WORKLOADS["http"]
    assert known.searching is not None
    searching = replace(known.searching, counts=counts, reasons=believed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(workloads.WORKLOADS, "http", replace(known, searching=searching))
        found = run_search(
            cast("Any", cloud), asked, point, probes.append, attempt, wait=cloud.wait, clock=lambda: cloud.at
        )
    return found, probes, cloud


@pytest.fixture(scope="module")
def ran() -> tuple[PointRecord, list[PointRecord], Cloud]:
    return run(scenario(), 150)


Ran = tuple[PointRecord, list[PointRecord], Cloud]


def told(found: PointRecord, probes: list[PointRecord]) -> RunRecord:
    record = build.run([found])
    for probe in probes:
        Probed(point=probe).apply(record)
    return record


def test_probes_are_points_below_the_search(ran: Ran) -> None:
    found, probes, cloud = ran
    assert found.id == "far-clients-4-capacity"
    assert isinstance(found.capacity, CapacityRecord)
    assert [probe.id for probe in probes] == [probe.id for probe in found.capacity.probes]
    assert {probe.search for probe in probes} == {found.id}
    assert {probe.point.search for probe in probes} == {""}
    assert len({probe.id for probe in probes}) == len(probes) > 5
    assert found.capacity.low <= 150 <= found.capacity.high
    assert cloud.rested > 0


def test_a_search_of_very_many_short_probes_ends_by_itself() -> None:
    """Its budget holds them, so that they are no reason to end without an answer."""
    point = searched(http_point(scenario(), 4, 1.0), scenario().load.capacity, "rate-1")  # type: ignore[arg-type]
    plan = Plan((Limit("latency p99", 0.01),), 1, 1e10, step=0.01, budget=86_400)
    strategy = Searching(point, plan)

    def make(one: HttpPoint) -> Made:
        assert strategy.step is not None
        step, kept = strategy.step, {"latency p99": Counts((0,) * 8, (10_000,) * 8)}
        at = 6.0 * int(one.id.removeprefix(f"{point.id}-").partition("-")[0])
        return Made(step, Seen(step.load, step.seconds, at - 6, at, kept), cast("Any", None))

    assert len(follow(strategy, make)) > 2000
    assert strategy.found is not None
    assert strategy.found.end is End.AT_LEAST


def test_a_search_that_runs_again_makes_other_probes() -> None:
    """A plugin that runs failed tests again, or every test several times."""
    item = SimpleNamespace(nodeid="test_http.py::test_http_capacity", user_properties=[])
    told: list[Any] = []
    attempts, bus = Attempts(), SimpleNamespace(put=told.append)
    ids = []
    for _ in range(2):
        recorder = Recorder(cast("Any", item), "west", "1f2e3d4c", cast("Any", bus), attempts, tuple)
        found, probes, _ = run(scenario(), 50, recorder.attempt(build.point()))
        for probe in probes:
            recorder.probe(probe)
        assert found.capacity is not None
        assert [one.id for one in found.capacity.probes] == [probe.id for probe in probes]
        ids += [probe.id for probe in probes]
    assert len(set(ids)) == len(ids) == len({event.point.id for event in told})
    assert ids[0] == "far-clients-4-capacity-1-rate-100"
    assert ids[len(ids) // 2] == "far-clients-4-capacity-attempt-2-1-rate-100"


def test_a_probe_that_breaks_the_sla_is_no_point_that_does(ran: Ran, tmp_path: Path) -> None:
    found, probes, _ = ran
    assert found.outcome is Outcome.PASS
    assert {probe.outcome for probe in probes} - {Outcome.PASS}
    record = told(found, probes)
    assert exit_code(record.counted(), pytest_status=0) == 0
    assert telling.totals(record) == "1 point: 1 pass"
    path = record.write(tmp_path)
    assert RunRecord.model_validate_json(path.read_text()).probes == record.probes


@pytest.mark.parametrize(
    ("at_least", "outcome"), [(500, Outcome.PASS), (700, Outcome.FAIL), (600, Outcome.INCONCLUSIVE)]
)
def test_the_gate_is_of_all_generators_together(ran: Ran, at_least: int, outcome: Outcome) -> None:
    found = ran[0].capacity
    assert found is not None
    made = check(found.model_copy(update={"at_least": at_least}))
    assert made.outcome is outcome
    assert made.low <= 600 <= made.high
    assert f"({at_least / 4:,.0f} each) is asked of all together" in made.detail
    said = {
        Outcome.PASS: "The 500 that are asked at least are reached.",
        Outcome.FAIL: "The 700 that are asked at least are not reached.",
        Outcome.INCONCLUSIVE: "Whether the 600 that are asked at least are reached was not decided.",
    }
    assert said[outcome] in sentences(found.model_copy(update={"at_least": at_least}))[0]


def test_it_is_told_at_the_terminal_in_junit_and_in_the_report(ran: Ran) -> None:
    found, probes, _ = ran
    record = told(found, probes)
    lines = "\n".join(line.text for line in terminal.summary(record, None))
    assert "requests/s keep the SLA (95 %:" in lines
    assert "by latency p99 <= 50ms" in lines
    assert "Kept by verdict up to" in lines
    assert found.capacity is not None
    assert headline.headline(record).startswith(sentences(found.capacity)[0])
    other = found.model_copy(update={"point": replace(found.point, id="other")})
    both = headline.headline(told(other, probes).model_copy(update={"points": [found, other]}))
    assert f"{found.point.id}: {sentences(found.capacity)[0]} other: " in both
    figures = dict(junit.properties(found))
    assert float(figures["kb.capacity.low"]) == pytest.approx(4 * float(figures["kb.capacity.each.low"]))
    assert figures["kb.capacity.end"] == "found"
    page = html.render(record)
    assert "requests/s keep the SLA" in page
    assert "Loads tried" in page
    assert HttpFace().how(cast("HttpPoint", found.point)) == "capacity, 4 generators"
    assert HttpFace().load(cast("HttpPoint", found.point)) == "searched", "no load of its own"
    (row,) = run_shape(record).scenarios[0].points
    assert (row.told, row.tried, row.cells) == (tuple(sentences(found.capacity)), len(probes), ())
    seen = filed(PointEnded(cloud="", point=found))
    assert isinstance(seen, PointSeen)
    assert seen.told == row.told[0]
    shown = point_shape(record, found.id, 1, dict)
    assert shown.search is not None
    assert "requests/s keep the SLA" in shown.search.told[0]
    assert ("of all together", "400 to 16,000") in shown.search.asked
    assert [chart.name.rpartition("-")[2] for chart in shown.charts] == ["load", "limit", "order"]


def test_its_page_shows_what_each_load_measured_with_bounds_and_what_was_known_then(ran: Ran) -> None:
    found, probes, _ = ran
    shown = point_shape(told(found, probes), found.id, 1, dict)
    assert shown.search is not None
    asked, (load, around, order) = found.capacity, shown.charts
    assert asked is not None
    assert isinstance(load, Plot)
    assert isinstance(around, Plot)
    assert isinstance(order, Plot)
    named = [(chart.x.label, chart.lanes[0].y.label) for chart in (load, around, order)]
    assert all(x and y for x, y in named), named
    assert named[1][1] == "not within latency p99 <= 50ms"
    assert "not within latency p99 &lt;= 50ms</text>" in str(draw(around))
    dots = load.lanes[0].series[0]
    checks = [next(c for c in p.verdict.checks if c.name == "latency p99") for p in probes if p.verdict]
    assert list(dots.y) == [check.value for check in checks]
    assert list(dots.low) == [check.low for check in checks]
    assert dots.x[0] == 400  # of all together
    assert {band.wash for band in load.bands} >= {"kept", "broken"}
    assert around.x.low is not None
    assert around.x.high is not None
    assert around.x.low < 4 * asked.low < 4 * asked.high < around.x.high
    columns, rows = shown.search.tried.columns, shown.search.tried.rows
    assert columns[4:8] == ("latency p99", "True value", "Over the limit", "Verdict")
    assert rows[0][-1] == "over 400"
    assert re.fullmatch(r"[\d,]+ to [\d,]+", rows[-1][-1])
    outcomes = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INVALID)
    few = zip(asked.probes, outcomes, strict=False)
    one_each = tuple(probe.model_copy(update={"outcome": outcome}) for probe, outcome in few)
    verdicts = [row[5] for row in tried(asked.model_copy(update={"probes": one_each}), {}).rows]
    assert verdicts == ["kept", "broken", "cannot tell", "invalid"]
    narrower = shown.search.narrower
    assert narrower is not None
    assert "Half as wide, 2.5 %" in narrower[0]
    assert narrower[1].startswith("--kb-set far:load.capacity.width=2.5% --kb-set far:load.capacity.budget=")


@pytest.mark.parametrize("probes", [0, 1])
def test_a_search_that_hardly_began_has_a_page_too(ran: Ran, probes: int) -> None:
    found = ran[0]
    assert found.capacity is not None
    few = found.capacity.model_copy(
        update={"end": End.UNDECIDED, "low": 0.0, "high": math.inf, "kept": 0.0, "broke": math.inf,
                "probes": found.capacity.probes[:probes], "curve": ()}
    )  # fmt: skip
    record = build.run([found.model_copy(update={"capacity": few})])  # the probes' own records are lost
    shown = point_shape(record, found.id, 1, dict)
    assert shown.search is not None
    assert shown.search.narrower is None
    assert len(shown.search.tried.rows) == probes
    assert "Loads tried" in html.render(record)


@pytest.mark.parametrize(
    ("changes", "outcome", "said"),
    [
        ({"end": End.BELOW, "low": 0.0}, Outcome.FAIL, "is broken at 400 requests/s already"),
        ({"end": End.AT_LEAST, "low": 4000.0}, Outcome.PASS, "At least 16,000 requests/s keep the SLA"),
        ({"end": End.AT_LEAST, "low": 125.0, "at_least": 600.0}, Outcome.INCONCLUSIVE, "At least 500"),
        (
            {"end": End.GENERATORS, "low": 125.0, "reasons": ("No CPU.",)},
            Outcome.INVALID,
            "generators end: No",
        ),
        ({"end": End.GENERATORS, "low": 0.0, "reasons": ("No CPU.",)}, Outcome.INVALID, "at the first loads"),
        ({"end": End.GENERATORS, "low": 125.0, "at_least": 400.0}, Outcome.PASS, "here the generators end"),
        ({"end": End.INVALID, "reasons": ("A generator is missing.",)}, Outcome.INVALID, "could not go on"),
        ({"end": End.CONNECTIONS, "reasons": ("150",)}, Outcome.INVALID, "they allow 600 requests/s"),
        ({"end": End.DRIFTING}, Outcome.INCONCLUSIVE, "The cloud changed while it was searched"),
        ({"end": End.NOT_MONOTONE}, Outcome.INCONCLUSIVE, "lies above one that breaks it"),
        ({"end": End.CONTRADICTION}, Outcome.INCONCLUSIVE, "contradicts the verdicts"),
        (
            {"end": End.UNDECIDED, "seconds": 1790.0},
            Outcome.INCONCLUSIVE,
            "could not be decided within the budget of 30 min",
        ),
        (
            {"end": End.UNDECIDED, "seconds": 160.0},
            Outcome.INCONCLUSIVE,
            "Whether the SLA is kept at 400 requests/s, where the search begins, could not be decided",
        ),
        (
            {"end": End.TOO_WIDE, "low": 100.0, "high": 150.0, "more": 900.0},
            Outcome.INCONCLUSIVE,
            "15 min more",
        ),
    ],
)
def test_every_end_has_its_sentence_and_its_outcome(
    ran: Ran, changes: dict[str, Any], outcome: Outcome, said: str
) -> None:
    found = ran[0].capacity
    assert found is not None
    made = check(found.model_copy(update={"reasons": (), **changes}))
    assert made.outcome is outcome
    assert said in made.detail
    if changes["end"] not in NUMBERED:
        assert "(95 %" not in made.detail
