"""Stop limits: what a failure leaves out, and what not."""

from __future__ import annotations

import dataclasses

import pytest

from kb_tests.scenario.storage import StoragePoint
from kb_tests.session.progression import Progression
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.measure.io_reports import POINT
from tests.unit.report import build


def at(clients: int, profile: str = "random read") -> StoragePoint:
    return dataclasses.replace(POINT, clients=clients, profile=profile, id=f"disk-clients-{clients}")


def verdict(outcome: Outcome, name: str = "errors") -> Verdict:
    check = dataclasses.replace(build.check(name, 1.0, 0.5), outcome=outcome)
    kept = dataclasses.replace(build.check("achieved", 1.0, 0.5, at_most=False), outcome=Outcome.PASS)
    return Verdict(outcome, (check, kept), (), 0.95)


def test_a_failure_leaves_out_larger_scales_of_the_same_profile_on_the_same_cloud() -> None:
    progression = Progression()
    progression.note("a", at(3), verdict(Outcome.FAIL))
    assert progression.past("a", at(4)) == (
        "It was left out, since disk-clients-3 has broken the SLA at a smaller scale."
    )
    assert not progression.past("a", at(3))
    assert not progression.past("a", at(1))
    assert not progression.past("a", at(4, "random write"))
    assert not progression.past("b", at(4))


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.INVALID])
def test_nothing_else_stops_a_progression(outcome: Outcome) -> None:
    progression = Progression()
    progression.note("a", at(3), verdict(outcome))
    assert not progression.past("a", at(4))


def test_slow_staging_costs_no_results() -> None:
    progression = Progression()
    progression.note("a", at(3), verdict(Outcome.FAIL, "staging"))
    assert not progression.past("a", at(4))
