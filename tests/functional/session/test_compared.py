"""Sessions that compare: sides in turns, runs that are alike, and a host that was made slow in between."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.compare.comparison import Mark, compare
from kb_tests.compare.pairs import compare_pairs
from kb_tests.localcloud import control
from kb_tests.localcloud.control import Running
from kb_tests.report.record import RunRecord
from tests.functional.session.conftest import running, suite
from tests.functional.session.suite import Ended, Suite

__all__ = ["running", "suite"]

STRICT = True

PAIRS = 20
ALIKE = """\
name: alike
kind: http
topology: {networks_per_router: 4, servers_per_network: 6, flavor: {ram: 64MiB}}
load: {page_size: 1KiB, connections: 4, rate: [20], warm_up: 2s, duration: 10s}
sla: {latency: {p50: 1s, p99: 1s}}
"""
DELAY = 20
"""Milliseconds that all servers of the slow host are later, each way."""


def read(ended: Ended) -> RunRecord:
    return RunRecord.model_validate(ended.record)


@pytest.mark.nightly
def test_two_sides_are_staged_once_each_measured_in_turns_and_removed(suite: Suite) -> None:
    sides = "load.page_size=1KiB,2KiB"
    ended = suite.run("--kb-scenario", suite.scenario(), "--kb-pairs", "3", "--kb-variant", sides)
    record = read(ended)
    assert ended.code in (0, 1, 10), ended.output
    (point,) = record.points
    assert point.pairs is not None
    assert [pair.b_first for pair in point.pairs.pairs] == [False, True, False]
    assert point.pairs.sides == ("load.page_size=1KiB", "load.page_size=2KiB")
    stagings = {one.name: one.topology.run if one.topology else "" for one in record.scenarios}
    assert stagings == {"small": point.run, "small-b": point.pairs.run}
    assert point.verdict is not None
    assert "pairs achieved" in [check.name for check in point.verdict.checks]
    assert compare_pairs([record]).points == (point.id,)
    assert not record.leaks
    assert [server for server in suite.admin.servers() if point.pairs.run in str(server)] == []


@pytest.fixture
def eight_hosts(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), hosts=8)
    control.down(folder)


@pytest.mark.nightly
def test_runs_that_are_alike_seldom_differ(eight_hosts: Running, tmp_path: Path) -> None:
    """Of twenty disjoint pairs at most one, on the same servers, since others would be another cloud; on a
    machine that has nothing else to do.
    """
    path = tmp_path / "alike.yaml"
    path.write_text(ALIKE)
    many = Suite(eight_hosts, tmp_path)
    scenario = ("--kb-scenario", str(path))
    kept = read(many.run(*scenario, "--kb-keep")).scenarios[0].topology
    assert kept is not None
    runs = [read(many.run(*scenario, "--kb-reuse", kept.run)) for _ in range(2 * PAIRS)]
    told = [compare((a.run, [a]), (b.run, [b])) for a, b in zip(runs[::2], runs[1::2], strict=True)]
    assert all(any(math.isfinite(row.shown) for row in found.rows) for found in told), "each could tell some"
    differ = [[row for row in found.rows if row.mark is not Mark.NONE] for found in told]
    assert sum(map(bool, differ)) <= 1, [rows for rows in differ if rows]


@pytest.mark.nightly
def test_a_host_that_was_made_slow_shows_and_fails_the_gate(suite: Suite, tmp_path: Path) -> None:
    scenario = ("--kb-scenario", suite.scenario(rates="[150]", duration="10s", page="32KiB", connections=10))
    before = read(suite.run(*scenario, "--kb-keep"))
    past = tmp_path / "before"
    before.write(past)
    topology = before.scenarios[0].topology
    assert topology is not None
    host = next(server.host for server in topology.servers if server.role == "server")
    program = "import sys; from kb_tests.cli import main; sys.exit(main())"
    suite.admin.harm_host(host, "delay", milliseconds=DELAY)
    gate = suite.run(*scenario, "--kb-reuse", topology.run, "--kb-baseline", str(past))
    after = read(gate)
    assert gate.code == 1, gate.output
    verdict = after.points[0].verdict
    assert verdict is not None
    (check,) = (check for check in verdict.checks if check.name == "baseline")
    assert check.outcome == "fail"
    folder = tmp_path / "after"
    after.write(folder)
    command = [sys.executable, "-c", program, "compare", str(past), str(folder), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 1, told.stderr
    assert " is worse than " in json.loads(told.stdout)["headline"]
