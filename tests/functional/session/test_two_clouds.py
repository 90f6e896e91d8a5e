"""Servers on one cloud, their traffic generators on another: two local clouds that reach each other."""

from __future__ import annotations

import os
import signal
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.localcloud import control
from tests.functional.session.suite import Suite
from tests.functional.session.test_leftovers import KB, kill, said, start
from tests.waiting import PATIENCE, eventually


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[control.Running, control.Running]]:
    """The north, whose clouds.yaml names both, and the south."""
    folders = [tmp_path_factory.mktemp(name) for name in ("north", "south")]
    south = control.up(folders[1], parent_pid=os.getpid(), name="south")
    north = control.up(folders[0], parent_pid=os.getpid(), name="north", beside=folders[1])
    yield north, south
    for folder in folders:
        control.down(folder)


@pytest.fixture
def north(clouds: tuple[control.Running, control.Running], tmp_path: Path) -> Suite:
    return Suite(clouds[0], tmp_path, bearing=True)


@pytest.fixture
def south(clouds: tuple[control.Running, control.Running], tmp_path: Path) -> Suite:
    return Suite(clouds[1], tmp_path, bearing=True)


def _open_to_http(suite: Suite) -> set[str]:
    with warnings.catch_warnings(action="ignore"):
        network = connect(suite.running.cloud, suite.running.clouds_yaml).connection.network
        return {
            str(rule.remote_ip_prefix)
            for rule in network.security_group_rules(direction="ingress")
            if rule.port_range_min == 80
        }


def _gateways(suite: Suite) -> set[str]:
    with warnings.catch_warnings(action="ignore"):
        network = connect(suite.running.cloud, suite.running.clouds_yaml).connection.network
        routers: list[Any] = list(network.routers())
    outer = [each for router in routers for each in router.external_gateway_info["external_fixed_ips"]]
    return {f"{each['ip_address']}/32" for each in outer}


def test_a_cloud_is_loaded_from_another(north: Suite, south: Suite) -> None:
    scenario = north.scenario(duration="5s")
    ended = north.run("--kb-testing-cloud", "south", "--kb-scenario", scenario)
    assert ended.code == 0, ended.output
    record = ended.record
    assert (record["cloud"], record["testing_cloud"]) == ("north", "south")
    topology = record["scenarios"][0]["topology"]
    assert (topology["cloud"], topology["testing_cloud"]) == ("north", "south")
    assert (topology["region"], topology["testing_region"]) == ("RegionOne", "RegionOne")
    where = {(server["role"], server["cloud"]) for server in topology["servers"]}
    assert where == {("proxy", "north"), ("server", "north"), ("proxy", "south"), ("client", "south")}
    (server,) = (each for each in topology["servers"] if each["role"] == "server")
    (client,) = (each for each in topology["servers"] if each["role"] == "client")
    assert client["peer"] == server["floating_ip"] != ""
    assert {"nginx", "python", "redis"} <= topology["tools"].keys()
    assert (north.left(), south.left()) == ([], [])


@pytest.mark.nightly
def test_cleanup_of_the_one_cloud_ends_the_run_on_both(north: Suite, south: Suite) -> None:
    """The session and its reaper were killed."""
    scenario = north.scenario(duration="300s")
    options = ("--kb-cloud", "north", "--kb-testing-cloud", "south", "--kb-scenario", scenario)
    session = start(north, "killed", *options)
    eventually(lambda: "/300s" in said(north, "killed"))
    assert _open_to_http(north) == _gateways(south), "HTTP is open to the generators' router alone"
    assert _open_to_http(south) == set()
    children = Path(f"/proc/{session.pid}/task/{session.pid}/children").read_text().split()
    os.kill(session.pid, signal.SIGSTOP)
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    kill(session)
    assert north.left()
    assert south.left()
    cleaned = subprocess.run(
        [*KB, "cleanup", "--cloud", "north"],
        env=north.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert cleaned.returncode == 0, cleaned.stderr
    assert "removed on south" in cleaned.stdout
    assert (north.left(), south.left()) == ([], [])


@pytest.mark.nightly
def test_kept_on_both_clouds_used_again_and_ended(north: Suite, south: Suite) -> None:
    """And by no session that names one of them alone."""
    scenario = north.scenario(rates="[100]", duration="5s")
    both = ("--kb-testing-cloud", "south", "--kb-scenario", scenario)
    staged = north.run(*both, "--kb-stage-only")
    assert staged.code == 5, staged.output
    [kept] = staged.record["kept"]
    run = staged.record["scenarios"][0]["topology"]["run"]
    assert f"Run {run} stays on cloud north and south until" in kept
    assert "4 servers" in kept
    there = north.left(), south.left()
    assert all(there)
    refused = north.run("--kb-scenario", scenario, "--kb-reuse", run)
    assert refused.code == 4
    assert f"Run {run} is on north and south." in refused.output
    for _ in range(2):
        again = north.run(*both, "--kb-reuse", run)
        assert again.code == 0, again.output
        assert set(again.statuses().values()) == {"pass"}
        topology = again.record["scenarios"][0]["topology"]
        assert (topology["run"], topology["cloud"], topology["testing_cloud"]) == (run, "north", "south")
        assert (north.left(), south.left()) == there
    cleaned = subprocess.run(
        [*KB, "cleanup", "--cloud", "south", "--run", run],
        env=north.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert cleaned.returncode == 0, cleaned.stderr
    assert (north.left(), south.left()) == ([], [])
    state = north.folder / "state" / "kb" / "runs" / run
    assert {path.name for path in state.iterdir()} == {"journal.jsonl", "reaper.log"}
