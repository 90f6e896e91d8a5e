"""Red for the right reason: what is wrong with the servers fails the gate, and is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kb_tests.localcloud.control import Running
from tests.functional.session import inside
from tests.functional.session.live import Live
from tests.functional.session.suite import Ended, Suite

BEHAVIOURS = ("", "slow", "errors", "truncates", "hangs", "refuses", "refuses")
"""What the server does in each point; it refuses in the last from the start."""

SCENARIO = """\
name: red
kind: http
topology: {flavor: {ram: 128MiB}}
load: {page_size: 1KiB, connections: 300, rate: [301, 302, 303, 304, 305, 306, 307],
       duration: 5s, warm_up: 1s, timeout: 4s}
sla: {latency: {p80: 1s}, errors: 0.1%}
"""


@pytest.fixture(scope="module")
def ended(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """One session, in which the server does something else in each point."""
    folder = tmp_path_factory.mktemp("red")
    (folder / "red.yaml").write_text(SCENARIO)
    live = Live(Suite(running, folder, bearing=True), "red.yaml")
    try:
        with inside.intruding() as intruder:
            live.wait_for_point(1)
            server = inside.nginx(live.cloud)
            inside.clear_port(server)
            for number, behaviour in enumerate(BEHAVIOURS[1:], start=1):
                live.wait_for_point(number)
                intruder.end()
                if behaviour != "refuses":
                    intruder.start(server, "hostile.py", behaviour)
            yield live.end()
    finally:
        live.kill()


def point(ended: Ended, number: int) -> Any:
    found = ended.record["points"][number]
    assert found["verdict"]["reasons"] == [], ended.output
    return found


def check(ended: Ended, number: int, name: str) -> Any:
    return next(one for one in point(ended, number)["verdict"]["checks"] if one["name"] == name)


def errors(ended: Ended, number: int) -> dict[str, int]:
    return dict(point(ended, number)["measurement"]["counts"]["errors"])


def assert_told(ended: Ended, kind: str) -> None:
    """The terminal names how requests ended."""
    pattern = rf"error rate [\d.]+% is over its limit 0\.1% by [^\n]*: [\d,]+ {kind}"
    assert re.search(pattern, ended.output), ended.output


def test_the_session_exits_1_and_lists_each_point(ended: Ended) -> None:
    assert ended.code == ended.record["exit_code"] == 1, ended.output
    assert list(ended.statuses().values())[1:] == ["fail"] * 6, ended.output
    assert "exit code 1" in ended.output
    assert "Traceback" not in ended.output


def test_the_same_servers_keep_the_limits_before_they_are_harmed(ended: Ended) -> None:
    assert errors(ended, 0) == {}
    assert check(ended, 0, "latency p80")["outcome"] == "pass", ended.output
    assert check(ended, 0, "errors")["outcome"] != "fail", ended.output


def test_a_broken_limit(ended: Ended) -> None:
    found = check(ended, 1, "latency p80")
    assert found["outcome"] == "fail"
    assert 1.19 < found["value"] < 4
    assert errors(ended, 1) == {}
    assert re.search(r"p80 of response time [1-3]\.\d+s is over its limit 1s by ", ended.output)


def test_one_percent_of_500s(ended: Ended) -> None:
    assert check(ended, 2, "latency p80")["outcome"] == "pass"
    found = check(ended, 2, "errors")
    assert found["outcome"] == "fail"
    assert found["value"] == pytest.approx(0.01, rel=0.2)
    assert errors(ended, 2).keys() == {"http_5xx"}
    assert_told(ended, "http_5xx")


def test_truncated_bodies(ended: Ended) -> None:
    found = check(ended, 3, "errors")
    assert found["outcome"] == "fail"
    assert found["value"] == pytest.approx(0.05, rel=0.2)
    assert errors(ended, 3).keys() == {"truncated"}
    assert_told(ended, "truncated")


def test_a_server_that_hangs(ended: Ended) -> None:
    assert check(ended, 4, "errors")["value"] == 1
    assert check(ended, 4, "latency p80")["outcome"] == "fail"
    assert errors(ended, 4).keys() == {"timeout"}
    assert point(ended, 4)["measurement"]["counts"]["completed"] == 0
    assert_told(ended, r"(timeout|unsent)")
    assert "p80 of response time is beyond measure, its limit 1s: too many requests failed" in ended.output


@pytest.mark.parametrize("number", [5, 6])
def test_a_server_that_refuses(ended: Ended, number: int) -> None:
    assert check(ended, number, "errors")["value"] == 1
    assert check(ended, number, "latency p80")["outcome"] == "fail"
    assert errors(ended, number)["connect"] > 400
    assert_told(ended, "connect")
    (where,) = point(ended, number)["failing"]
    # connects wait for up to 1.25 s
    named = r"requests to kb-\w{8}-server-\S+ \(host .+\) [\d,]+ failed, most from second [01] of"
    assert re.search(named, where)
    assert where in ended.output
    assert point(ended, number)["measurement"]["counts"]["completed"] == 0


def test_nothing_is_left(ended: Ended) -> None:
    assert ended.record["leaks"] == []
