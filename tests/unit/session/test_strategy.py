"""Strategies: which point runs next, asked without a cloud."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.storage import StoragePoint
from kb_tests.session.progression import Progression
from kb_tests.session.strategy import Once, UntilDecided, WithinStopLimit, follow
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.measure.io_reports import POINT
from tests.unit.measure.reports import POINT as HTTP
from tests.unit.report import build


@dataclass(frozen=True)
class Ran:
    point: StoragePoint | HttpPoint
    verdict: Verdict


def at(clients: int, profile: str = "random read") -> StoragePoint:
    return dataclasses.replace(POINT, clients=clients, profile=profile, id=f"disk-clients-{clients}")


def verdict(outcome: Outcome, name: str = "errors") -> Verdict:
    check = dataclasses.replace(build.check(name, 1.0, 0.5), outcome=outcome)
    kept = dataclasses.replace(build.check("achieved", 1.0, 0.5, at_most=False), outcome=Outcome.PASS)
    return Verdict(outcome, (check, kept), (), 0.95)


def past(history: Sequence[Ran], point: StoragePoint) -> bool:
    return WithinStopLimit(point).next(history) is None


def test_a_failure_leaves_out_larger_scales_of_the_same_profile() -> None:
    history = [Ran(at(3), verdict(Outcome.FAIL))]
    assert past(history, at(4))
    assert WithinStopLimit(at(4)).broken(history) == at(3)
    assert not past(history, at(3))
    assert not past(history, at(1))
    assert not past(history, at(4, "random write"))
    assert not past([], at(4))


def test_each_cloud_has_a_history_of_its_own() -> None:
    progression = Progression()
    progression.note("a", Ran(at(3), verdict(Outcome.FAIL)))
    assert [one.point for one in progression.history("a")] == [at(3)]
    assert not progression.history("b")


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.INVALID])
def test_nothing_else_stops_a_progression(outcome: Outcome) -> None:
    assert not past([Ran(at(3), verdict(outcome))], at(4))


def test_slow_staging_costs_no_results() -> None:
    assert not past([Ran(at(3), verdict(Outcome.FAIL, "staging"))], at(4))


@pytest.mark.parametrize(
    ("outcomes", "lengths"),
    [
        ("pass", [10.0]),
        ("fail", [10.0]),
        ("invalid", [10.0]),
        ("inconclusive pass", [10.0, 20.0]),
        ("inconclusive inconclusive inconclusive", [10.0, 20.0, 60.0]),
    ],
)
def test_a_point_is_looked_at_until_its_sample_decides(outcomes: str, lengths: list[float]) -> None:
    coming = iter(outcomes.split())
    probes = follow(
        UntilDecided(at(1), (10.0, 20.0, 60.0)),
        lambda point: Ran(point, verdict(Outcome(next(coming)))),
    )
    assert [probe.point.duration for probe in probes] == lengths


def test_a_point_may_run_once_whatever_comes_of_it() -> None:
    assert len(follow(Once(at(1)), lambda point: Ran(point, verdict(Outcome.INCONCLUSIVE)))) == 1


@dataclass(frozen=True)
class Bisection:
    """A search of somebody's own: the highest rate that keeps the SLA, by halving."""

    point: HttpPoint
    low: float
    high: float
    most: int

    def next(self, history: Sequence[Ran]) -> HttpPoint | None:
        low, high = self.low, self.high
        for ran in history:
            rate = ran.point.rate
            low, high = (rate, high) if ran.verdict.outcome is Outcome.PASS else (low, rate)
        return dataclasses.replace(self.point, rate=(low + high) / 2)


def test_a_search_of_ones_own_chooses_its_next_point_by_the_last_results() -> None:
    def run(point: HttpPoint) -> Ran:
        return Ran(point, verdict(Outcome.PASS if point.rate <= 700 else Outcome.FAIL))

    probes = follow(Bisection(HTTP, 0.0, 1000.0, most=5), run)
    assert [probe.point.rate for probe in probes] == [500.0, 750.0, 625.0, 687.5, 718.75]


def test_no_strategy_takes_more_steps_than_it_said_beforehand() -> None:
    @dataclass(frozen=True)
    class Endless:
        most: int = 3

        def next(self, history: Sequence[object]) -> StoragePoint:
            return at(1)

    assert len(follow(Endless(), lambda point: Ran(point, verdict(Outcome.PASS)))) == 3
