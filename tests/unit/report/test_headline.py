"""The first sentence of a report: true, and no more than was judged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kb_tests.report import telling
from kb_tests.report.headline import headline
from kb_tests.report.record import PointRecord, PointStatus
from kb_tests.scenario.http import HttpPoint
from kb_tests.sla.verdict import Check, Outcome
from tests.unit.report import build

P = [build.point(1, 400), build.point(1, 800), build.point(1, 1600)]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ([build.judged(P[0])], "It kept its SLA at 400 req/s."),
        ([build.judged(each) for each in P], "All 3 points kept their SLA, up to 1,600 req/s."),
        (
            [build.judged(P[0]), build.judged(P[1]), build.judged(P[2], failing=0.5, share=1.0)],
            "It held up to 800 req/s; at 1,600 req/s 50% of the requests failed, 0.1% are allowed.",
        ),
        (
            [build.judged(P[0]), build.judged(P[1], share=0.5), build.judged(P[2])],
            "1 of 3 points broke their SLA: at 800 req/s 50% of the requests failed, 0.1% are allowed.",
        ),
        (
            [build.judged(P[0], share=0.5)],
            "The point broke its SLA: at 400 req/s 50% of the requests failed, 0.1% are allowed.",
        ),
        (
            [build.judged(P[0]), build.judged(P[1], reasons=["late"]), build.judged(P[2], undecided=True)],
            "It kept its SLA at 400 req/s. 1 point could not be decided by its sample; "
            "1 point was not measured as it should be.",
        ),
        ([], "No point was selected, so that nothing is known of this cloud."),
        (
            [PointRecord.measured(P[0], build.measurement(P[0]))],
            "Nothing was judged here: 1 point was measured for tests that judge by themselves.",
        ),
    ],
)
def test_it_says_what_held_and_what_broke(points: Sequence[PointRecord], sentence: str) -> None:
    assert headline(build.run(points)) == sentence


def broken(asked: HttpPoint, *checks: Check) -> PointRecord:
    made = build.verdict(checks)
    return PointRecord.judged(asked, build.measurement(asked), made, build.STARTED)


MILD = build.check("latency p50", 0.0102, 0.010)
FAR = build.check("latency p99", 0.5, 0.050)
FEW = build.check("errors", 0.0011, 0.001, unit="")
ALL = build.check("errors", 1.0, 0.001, unit="")
BEYOND = build.check("latency p99.9", float("inf"), 0.2)


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ([MILD, FAR], "p99 of response time was 500ms, its limit 50ms"),
        ([FAR, FEW], "p99 of response time was 500ms, its limit 50ms"),
        ([MILD, BEYOND, ALL], "100% of the requests failed, 0.1% are allowed"),
        ([MILD, BEYOND, FEW], "0.11% of the requests failed, 0.1% are allowed"),
        ([MILD, BEYOND], "p99.9 of response time was beyond measure, its limit 200ms"),
    ],
)
def test_of_several_limits_the_worst_is_named(checks: list[Check], says: str) -> None:
    point = broken(P[0], *checks)
    assert headline(build.run([point])) == f"The point broke its SLA: at 400 req/s {says}."
    found = telling.findings(point)
    assert len(found) == len(checks)
    assert found[0].startswith("error rate" if "failed" in says else says[:3])


def test_of_several_points_the_worst_is_named() -> None:
    """Where load rises, first the one up to which it held; of unlike points the worst alone."""
    run = build.run([build.judged(P[0]), broken(P[1], MILD), broken(P[2], BEYOND, ALL)])
    assert headline(run) == (
        "It held up to 400 req/s; at 800 req/s p50 of response time was 10.2ms, its limit 10ms; at"
        " 1,600 req/s 100% of the requests failed, 0.1% are allowed."
    )
    other = build.point(1, 100, scenario="rack-to-rack")
    run = build.run([broken(P[0], MILD), broken(other, BEYOND, ALL)])
    assert headline(run).startswith("All 2 points broke their SLA: at ")
    assert headline(run).endswith(" 100% of the requests failed, 0.1% are allowed.")
    assert headline(run).count(";") == 0


def test_what_broke_by_an_unknown_figure_is_said_once() -> None:
    point = broken(P[1], build.check("latency p99", float("nan"), 0.2, outcome=Outcome.FAIL))
    told = headline(build.run([build.judged(P[0]), point]))
    assert told.startswith("It held up to 400 req/s; at 800 req/s p99 of response time was ")
    assert told.count(";") == 1
    worse = headline(build.run([build.judged(P[0]), point, broken(P[2], ALL)]))
    assert worse.endswith("; at 1,600 req/s 100% of the requests failed, 0.1% are allowed.")


C05 = "Host c05 with 3 servers: p99 of response time is 3.9 times that of the others."
NOBODY = "No server, host or zone stands out in p99 of response time (24 servers, 8 hosts)."


@pytest.mark.parametrize(
    ("first", "second", "ends"),
    [
        ((C05,), (), "; host c05 with 3 servers: p99 of response time is 3.9 times that of the others."),
        ((C05,), ("Host c06: it is.",), "; host c05 with 3 servers: p99 of response time is 3.9 times that of"
         " the others."),
        ((), (C05,), "; at 1,600 req/s host c05 with 3 servers: p99 of response time is 3.9 times that of the"
         " others."),
        ((NOBODY,), (C05,), "; at 1,600 req/s host c05 with 3 servers: p99 of response time is 3.9 times that"
         " of the others."),
        ((NOBODY,), (NOBODY,), "its limit 50ms."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("undecided", [False, True])
def test_who_stands_out_at_any_point_is_told(
    first: tuple[str, ...], second: tuple[str, ...], ends: str, undecided: bool
) -> None:
    """At the point that is told of, else at another one, which is named then."""
    points = [
        (build.judged(asked, undecided=True) if undecided else broken(asked, FAR)).model_copy(
            update={"culprits": culprits}
        )
        for asked, culprits in ((P[1], first), (P[2], second))
    ]
    said = headline(build.run([build.judged(P[0]), *points]))
    assert said.endswith("by their samples." if undecided and ends.startswith("its") else ends)


def test_points_without_a_result_are_told_of() -> None:
    told = headline(build.run([build.judged(P[0]), build.without(PointStatus.NOT_RUN, "ended", P[1])]))
    assert told == "It kept its SLA at 400 req/s. 1 point has no result."


def test_of_several_attempts_the_worst_one_stands() -> None:
    run = build.run([])
    for attempt in (build.judged(P[0], share=0.5), build.judged(P[0])):
        run.put(attempt)
    assert headline(run).startswith("The point broke its SLA: at 400 req/s 50% of the requests failed")
    assert len(run.points) == 2


def test_what_tests_of_ones_own_found_is_told() -> None:
    measured = build.measurement(P[0])
    lost = PointRecord.measured(P[0], measured, doubts=["3 of 4 generators are missing."])
    assert headline(build.run([lost])) == "1 point was not measured as it should be."
    failed = build.run(
        [PointRecord.measured(P[0], measured)], failures=["test_own.py::test_it: assert 1 < 0"]
    )
    assert "1 test of your own failed." in headline(failed)
