"""Searches that are broken off, and searches of every kind of load, on the local cloud: loads so small that
nothing depends on how busy this machine is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from kb_tests.report.record import RunRecord, load
from tests.functional.session.suite import Suite
from tests.waiting import PATIENCE, SESSION, eventually

pytestmark = pytest.mark.nightly

HTTP = """\
name: small
kind: http
topology: {{flavor: {{ram: 128MiB}}, servers_per_network: {servers}}}
load:
  page_size: 1KiB
  connections: 8
  warm_up: 1s
  timeout: 2s
  {load}
sla: {{latency: {{p90: 500ms}}, errors: 20%}}
"""
STORAGE = """\
name: volumes
kind: storage
topology:
  servers: {servers}
  target: volume
  volume: {{size: 1GiB}}
  file_size: 64MiB
  flavor: {{ram: 128MiB}}
load:
  profiles: [{{name: random read, mode: randread, {profile}}}]
  ramp: 1s
  capacity: {{{capacity}, probe: 5s, width: 20%, budget: 120s}}
sla: {sla}
"""
SEARCH = "capacity: {of: rate, from: 40, to: 400, step: 5%, probe: 5s, width: 20%, budget: 20min}"
NUMBERED = ("found", "too wide", "at least", "generators")


def write(suite: Suite, text: str) -> str:
    path = suite.folder / "far.yaml"
    path.write_text(text)
    return str(path)


def records(suite: Suite) -> list[RunRecord]:
    return [load(path) for path in (suite.folder / "reports").glob("*.json")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_search_that_is_broken_off_keeps_its_probes_and_leaves_nothing(
    suite: Suite, number: signal.Signals
) -> None:
    log = suite.folder / "log"
    scenario = write(suite, HTTP.format(servers=1, load=SEARCH))
    with log.open("w") as output:
        process = subprocess.Popen(
            suite.command("--kb-cloud", suite.running.cloud, f"--kb-scenario={scenario}"),
            cwd=suite.folder,
            env=suite.environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    eventually(lambda: any(len(one.probes) >= 3 for one in records(suite)), SESSION, what=log.read_text)
    os.killpg(process.pid, number) if number is signal.SIGKILL else process.send_signal(number)
    code = process.wait(PATIENCE)
    assert code == (2 if number is signal.SIGINT else -signal.SIGKILL), log.read_text()
    eventually(lambda: suite.left() == [], what=log.read_text)
    eventually(lambda: not list((suite.folder / "reports").glob("*.ndjson")))
    (record,) = suite.take_records().values()
    (point,) = record["points"]
    assert point["status"] in ("not_run", "error")
    assert point["capacity"] is None
    assert len(record["probes"]) >= 3
    assert {probe["search"] for probe in record["probes"]} == {"small-clients-1-capacity"}
    assert all(probe["measurement"]["achieved"] > 0 for probe in record["probes"])
    assert "Traceback" not in log.read_text()


def ran(suite: Suite, text: str, *arguments: str) -> Any:
    """What the only search of a session came to."""
    ended = suite.run("--kb-scenario", write(suite, text), *arguments, timeout=2 * SESSION)
    (point,) = ended.record["points"]
    assert ended.code in (0, 10, 11), ended.output
    assert point["capacity"]["end"] in NUMBERED, ended.output
    assert len(ended.record["probes"]) == len(point["capacity"]["probes"]) > 1
    assert suite.left() == []
    return point["capacity"], ended


def test_clients_are_searched_by_their_number(suite: Suite) -> None:
    search = "rate: [40]\n  capacity: {of: clients, from: 1, to: 3, probe: 5s, width: 20%, budget: 120s}"
    capacity, ended = ran(suite, HTTP.format(servers=3, load=search))
    assert (capacity["of"], capacity["clients"]) == ("clients", 0)
    assert {probe["point"]["clients"] for probe in ended.record["probes"]} == {1, 2, 3}
    assert capacity["end"] == "at least"
    assert capacity["low"] == 3


@pytest.mark.parametrize(
    ("profile", "capacity", "sla"),
    [
        ("iodepth: 8", "of: rate_iops, from: 40, to: 120", "{read_latency: {p90: 400ms}, achieved: 80%}"),
        ("block_size: 4KiB", "of: iodepth, from: 1, to: 4", "{read_service_time: {p90: 1s}}"),
        ("rate_iops: 60, iodepth: 8", "of: clients, from: 1, to: 2", "{read_latency: {p90: 400ms}}"),
    ],
    ids=["rate_iops", "iodepth", "clients"],
)
def test_volumes_are_searched_by_each_load(suite: Suite, profile: str, capacity: str, sla: str) -> None:
    servers = 2 if "clients" in capacity else 1
    text = STORAGE.format(profile=profile, capacity=capacity, sla=sla, servers=servers)
    found, ended = ran(suite, text)
    assert f"of: {found['of']}" in capacity
    assert found["end"] == "at least", ended.output
    assert found["kept"] == found["most"]
    assert found["low"] == pytest.approx(found["most"], rel=0.1)


def test_a_baseline_is_not_for_the_loads_of_a_search(suite: Suite) -> None:
    """It says so before anything is staged, and holds nothing against it in silence."""
    before = suite.run("--kb-scenario", suite.scenario(duration="5s"))
    assert before.code == 0, before.output
    path = suite.folder / "before.json"
    path.write_text(json.dumps(before.record))
    text = HTTP.format(servers=1, load=SEARCH.replace("to: 400, step: 5%", "to: 60, step: 25%"))
    ended = suite.run("--kb-scenario", write(suite, text), f"--kb-baseline={path}", timeout=SESSION)
    assert ended.code == 4, ended.output
    assert "against a baseline" in ended.output
    assert suite.created() == []


OWN = """\
def test_volumes_go_far_enough(kb_storage):
    found = kb_storage.capacity("random read", from_=40, to=100, probe="5s", width="20%", budget="120s")
    assert 90 <= found.low <= 100
    print("found", found.low >= 90, found.high)
"""


def test_a_test_of_one_s_own_searches_volumes(suite: Suite) -> None:
    """As in docs/capacity.md."""
    text = STORAGE.format(
        profile="iodepth: 8, rate_iops: 50", capacity="", sla="{read_latency: {p90: 400ms}}", servers=1
    )
    text = "".join(line for line in text.splitlines(True) if "capacity" not in line)
    (suite.folder / "test_own.py").write_text(OWN)
    ended = suite.run(
        "--kb-scenario", write(suite, text), "-s", tests=suite.folder / "test_own.py", timeout=2 * SESSION
    )
    assert ended.code == 0, ended.output
    assert "found True inf" in ended.output
