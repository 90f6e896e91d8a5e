from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kb_tests.measure.http.measurement import Connections, Start
from kb_tests.report import junit
from kb_tests.report.record import PointRecord, PointStatus
from kb_tests.sla.verdict import Outcome
from tests.unit.report import build


def test_the_properties_of_a_judged_point() -> None:
    found = dict(junit.properties(build.judged(build.point(4, 1000), share=0.93, failing=0.02)))
    assert found["kb.point"] == "http-east-west-clients-4-rate-1000"
    assert (found["kb.status"], found["kb.outcome"]) == ("judged", "fail")
    assert found["kb.offered"] == 4000
    assert found["kb.achieved_share"] == 0.9114
    assert found["kb.errors.http_5xx"] == 2232
    assert found["kb.requests.due"] == found["kb.requests.completed"] + found["kb.requests.failed"] + 8400  # type: ignore[operator]
    assert found["kb.response.p50"] == found["kb.check.latency_p50.value"]
    assert found["kb.response.p99"] == math.inf
    assert found["kb.check.achieved.outcome"] == "fail"
    assert found["kb.check.achieved.limit"] == 0.99
    assert "achieved rate 91.14% is under its limit 99%" in str(found["kb.reason"])


def test_what_does_not_stand_against_a_pass_is_a_property_of_its_own() -> None:
    found = dict(junit.properties(build.judged(notes=["One lagged.", "Another, too."])))
    assert (found["kb.outcome"], found["kb.note"]) == ("pass", "One lagged.; Another, too.")
    assert "kb.reason" not in found


@pytest.mark.parametrize(
    ("start", "told"), [(Start(5.0, True, 500, 0.1), "true"), (Start(0.0, False, 0, 0.1), "false")]
)
def test_a_warm_up_that_was_found_is_told(start: Start, told: str) -> None:
    asked = build.point()
    measured = replace(build.measurement(asked), start=start)
    found = dict(junit.properties(PointRecord.measured(asked, measured)))
    assert (found["kb.warm_up.seconds"], found["kb.warm_up.settled"]) == (start.seconds, told)
    assert not any(name.startswith("kb.warm_up") for name, _ in junit.properties(build.judged(asked)))


def test_connections_are_told_where_they_are_known() -> None:
    asked = build.point()
    known = Connections(asked=4000, open=20, least=18, reopened=7, refused=3120, unavailable=1)
    measured = replace(build.measurement(asked), connections=known)
    found = dict(junit.properties(PointRecord.measured(asked, measured)))
    names = ("asked", "open", "least", "reopened", "refused", "unavailable")
    assert [found[f"kb.connections.{name}"] for name in names] == [4000, 20, 18, 7, 3120, 1]
    unknown = junit.properties(PointRecord.measured(asked, build.measurement(asked)))
    assert not any(name.startswith("kb.connections") for name, _ in unknown)


def test_names_are_unique_and_the_same_for_every_judged_point() -> None:
    one, two = (junit.properties(build.judged(build.point(clients))) for clients in (1, 4))
    assert [name for name, _ in one] == [name for name, _ in two]
    assert len(dict(one)) == len(one)


def test_a_value_that_does_not_exist_has_no_property() -> None:
    asked = build.point()
    check = build.check("latency p99", math.nan, 0.05, outcome=Outcome.FAIL)
    found = dict(
        junit.properties(PointRecord.judged(asked, build.measurement(asked), build.verdict([check])))
    )
    assert "kb.check.latency_p99.value" not in found
    assert found["kb.check.latency_p99.outcome"] == "fail"


def test_a_lost_point_says_why() -> None:
    assert junit.properties(build.without(PointStatus.LOST, "worker\x00 gw0 crashed")) == [
        ("kb.point", "http-east-west-clients-4-rate-1000"),
        ("kb.scenario", "http-east-west"),
        ("kb.status", "lost"),
        ("kb.clients", 4),
        ("kb.reason", "worker  gw0 crashed"),
    ]
