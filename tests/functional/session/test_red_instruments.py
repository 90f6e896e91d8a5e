"""Red for the right reason: broken instruments make a point invalid, and never judge the cloud."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.localcloud.control import Running
from tests.functional.session import inside
from tests.functional.session.live import Live
from tests.functional.session.suite import Ended, Suite
from tests.waiting import eventually, is_gone

SCENARIO = """\
name: red
kind: http
topology: {flavor: {ram: 128MiB}}
load: {page_size: 1KiB, connections: 20, rate: [0.0001, 201, 202, 203, 204, 205, 300000, 300001],
       duration: 3s, warm_up: 1s, timeout: 1s}
sla: {latency: {p90: 1s}, errors: 10%}
"""
RATES = ("0.0001", "201", "202", "203", "204", "205", "300000", "300001")
NOTHING_DUE, FROZEN, SILENT, REDIS, KILLED, CLOCK, TOO_FAST, REDIS_GONE = range(8)


@pytest.fixture(scope="module")
def ended(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """One session; in each point the generator, or what it reports to, is harmed in another way."""
    folder = tmp_path_factory.mktemp("red")
    (folder / "red.yaml").write_text(SCENARIO)
    suite = Suite(running, folder)
    live = Live(suite, "red.yaml", impatient=True)
    try:
        with inside.intruding() as intruder:
            under_load(live, FROZEN)
            suite.admin.harm_server(generator_id(suite), "freeze", seconds=2)

            under_load(live, SILENT)
            agent = inside.agent(live.cloud)
            os.kill(agent.pid, signal.SIGSTOP)
            live.wait_for_point(SILENT + 1)
            os.kill(agent.pid, signal.SIGCONT)

            under_load(live, REDIS)
            os.kill(inside.redis(live.cloud).pid, signal.SIGKILL)

            under_load(live, KILLED)
            workers = inside.generators(live.cloud)
            show_wrong_clock(agent, intruder)
            os.kill(agent.pid, signal.SIGKILL)
            assert workers
            assert_gone(workers)

            # At such a rate the generator has no time to tell of its seconds: what it does tells where it is.
            live.wait_for_point(REDIS_GONE)
            eventually(lambda: inside.generators(live.cloud))
            redis = inside.redis(live.cloud)
            for pid in (redis.parent, redis.pid):
                os.kill(pid, signal.SIGKILL)
            yield live.end()
    finally:
        live.kill()


def under_load(live: Live, number: int) -> None:
    """Until a point is in the first second of its window."""
    live.wait_for_text(f"red-clients-1-rate-{RATES[number]}: warm-up")
    time.sleep(0.5)


def generator_id(suite: Suite) -> str:
    with warnings.catch_warnings(action="ignore"):
        compute: Any = connect(suite.running.cloud, suite.running.clouds_yaml).connection.compute
        return next(
            str(server.id) for server in compute.servers(all_projects=True) if "-client-" in server.name
        )


def show_wrong_clock(agent: inside.Process, intruder: inside.Intruder) -> None:
    """An agent that is started from now on will see the clock set, once it has prepared a load."""
    config = inside.agent_config(agent)
    intruder.start(agent, "skewed.py", config["host"], str(config["port"]))
    path = agent.root / "var/lib/kb-agent/config.json"
    path.write_text(json.dumps(config | {"host": "127.0.0.1"}))


def assert_gone(pids: list[int]) -> None:
    """Processes end by themselves."""
    eventually(lambda: all(map(is_gone, pids)))


def reasons(ended: Ended, number: int) -> str:
    """Why a point is invalid; the same must stand in the terminal."""
    verdict = ended.record["points"][number]["verdict"]
    assert verdict["outcome"] == "invalid", ended.output
    for reason in verdict["reasons"]:
        assert reason[:-1] in ended.output
    return " ".join(verdict["reasons"])


def test_the_session_exits_11_and_lists_each_point(ended: Ended) -> None:
    assert ended.code == ended.record["exit_code"] == 11, ended.output
    statuses = list(ended.statuses().values())
    assert statuses.pop() == "error", ended.output
    del statuses[REDIS]
    assert statuses == ["invalid"] * 6, ended.output
    assert "Traceback" not in ended.output
    assert ended.record["leaks"] == []


def test_no_sample_at_all(ended: Ended) -> None:
    assert "There is no sample: no request was due in the measured window." in reasons(ended, NOTHING_DUE)


def test_a_generator_that_was_frozen_for_a_while(ended: Ended) -> None:
    assert "1 of 1 generators sent too late, with a p99 above 100ms" in reasons(ended, FROZEN)


def test_an_agent_that_freezes_for_good(ended: Ended) -> None:
    assert "it fell silent" in reasons(ended, SILENT)


def test_redis_killed_in_mid_run(ended: Ended) -> None:
    """It is started again without its data: the point is whole all the same, or it is invalid."""
    point = ended.record["points"][REDIS]
    if point["verdict"]["outcome"] == "invalid":
        assert "1 of 1 generators are missing" in reasons(ended, REDIS)
    else:
        assert point["measurement"]["missing"] == {}
        assert abs(point["measurement"]["counts"]["due"] - 3 * 203) <= 1


def test_a_rate_that_the_generator_cannot_make(ended: Ended) -> None:
    assert "1 of 1 generators had no CPU to spare (over 90%)" in reasons(ended, TOO_FAST)


def test_an_agent_killed(ended: Ended) -> None:
    assert "it was started again" in reasons(ended, KILLED)


def test_a_clock_set_off_by_an_hour(ended: Ended) -> None:
    assert "the start time lies -3" in reasons(ended, CLOCK)


def test_redis_gone_for_good(ended: Ended) -> None:
    point = ended.record["points"][REDIS_GONE]
    assert point["verdict"] is None
    assert re.search(r"Redis at \S+ cannot be reached|The control server does not answer", point["reason"])
    assert point["reason"][:60] in ended.output
