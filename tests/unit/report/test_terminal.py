from __future__ import annotations

from pathlib import Path
from typing import Any

from kb_tests.report import terminal
from kb_tests.report.record import PointRecord, PointStatus
from tests.unit.report import build


def lines(*points: PointRecord, **changes: Any) -> list[str]:
    return [
        line.text for line in terminal.summary(build.run(points, **changes), Path("reports/1f2e3d4c.json"))
    ]


def test_the_summary_of_a_run() -> None:
    asked = [build.point(clients, rate) for clients, rate in ((1, 500), (4, 1000), (4, 2000), (4, 4000))]
    assert lines(
        build.judged(asked[0]),
        build.judged(asked[1], median=0.03, spread=0.8),
        build.judged(asked[2], reasons=["1 of 4 generators is missing."]),
        build.without(PointStatus.NOT_RUN, "The session ended before it.", asked[3]),
    ) == [
        "cloud west-1, run 1f2e3d4c",
        "It held up to 500 req/s; at 4,000 req/s p99 of response time was 190ms, its limit 50ms. "
        "1 point was not measured as it should be; 1 point has no result.",
        "PASS     http-east-west-clients-1-rate-500   500 of 500 req/s (100%)      p50 4ms   p99 12.7ms",
        "FAIL     http-east-west-clients-4-rate-1000  4,000 of 4,000 req/s (100%)  p50 30ms  p99 190ms",
        "         p99 of response time 190ms is over its limit 50ms by 140ms (3.8x)",
        "         p50 of response time 30ms is over its limit 10ms by 20ms (3x)",
        "         p99.9 of response time 321ms is over its limit 200ms by 121ms (1.6x)",
        "INVALID  http-east-west-clients-4-rate-2000  8,000 of 8,000 req/s (100%)  p50 4ms   p99 12.7ms",
        "         1 of 4 generators is missing.",
        "NOT RUN  http-east-west-clients-4-rate-4000",
        "         The session ended before it.",
        "4 points: 1 pass, 1 fail, 1 invalid, 1 not run",
        "note: It is the embedded local cloud: its numbers say nothing about another cloud.",
        "record: reports/1f2e3d4c.json",
    ]


def test_what_does_not_stand_against_a_pass_is_told_all_the_same() -> None:
    _, _, row, note, *_ = lines(build.judged(notes=["1 of 4 generators sent too late."]))
    assert row.startswith("PASS")
    assert note == "      note: 1 of 4 generators sent too late."


def test_a_run_without_points_says_so() -> None:
    assert "no point was selected" in lines(local=False)


def test_problems_and_leaks_are_named() -> None:
    told = lines(problems=["The tunnel broke."], leaks=["server kb-1f2e3d4c-proxy"])
    assert "problem: The tunnel broke." in told
    assert "left on the cloud: server kb-1f2e3d4c-proxy" in told


def test_an_unwritten_record_is_red() -> None:
    last = terminal.summary(build.run([]), None)[-1]
    assert (last.text, last.markup) == ("record: could not be written", {"red": True})


def test_a_closed_loop_offers_no_rate() -> None:
    asked = build.point(rate=0)
    assert "0 req/s (closed loop)" in lines(build.judged(asked))[2]


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    told = lines(build.without(PointStatus.ERROR, "\x1b]0;owned\x07 boom\nPASS"))
    assert not any(char in line for line in told for char in "\x1b\x07\n")


def test_only_passing_points_are_green() -> None:
    points = [
        build.judged(build.point(1)),
        build.judged(build.point(2), share=0.9),
        build.judged(build.point(3), undecided=True),
        build.without(PointStatus.LOST, "gone", build.point(4)),
    ]
    rows = [line for line in terminal.summary(build.run(points, local=False), None) if "clients" in line.text]
    assert [list(row.markup) for row in rows] == [["green"], ["red"], ["yellow"], ["red"]]


def test_the_last_line_says_what_the_exit_code_means() -> None:
    report, last = terminal.closing(10, Path("reports/a.html"))
    assert report.text == "report: reports/a.html"
    assert last.text == "exit code 10: inconclusive: the sample of a point cannot decide"
    assert last.markup["red"]
    assert terminal.closing(0)[-1].markup["green"]
