"""Servers boot once their router's interface is reported, and in good time where nobody reports it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from openstack.exceptions import HttpException

from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.connect import connect
from kb_tests.cloud.interfaces import note, wait_for
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.patience import USUAL
from kb_tests.cloud.spent import Spent
from kb_tests.cloud.staging import stage
from kb_tests.cloud.topology import Role, Topology
from kb_tests.cloud.workloads import plan
from kb_tests.scenario.model import HttpScenario
from tests.unit.cloud.in_process import HURRIED, NAME, InProcess, Send, Sent, response

pytestmark = pytest.mark.filterwarnings("ignore:::openstack")

LOOK = "GET /networking/v2.0/ports/"


@pytest.fixture
def there(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


def said(request: Sent) -> str:
    return f"{request.method} {urlsplit(request.path_url).path.rstrip('/')}"


def reporting(there: InProcess, status: Callable[[int], str], owner: str = "") -> list[str]:
    """Have the n-th look at an interface find that status; what was asked for, in order."""
    asked: list[str] = []

    def fault(request: Sent, send: Send) -> requests.Response:
        asked.append(said(request))
        answer = send()
        if not asked[-1].startswith(LOOK) or answer.status_code != 200:
            return answer
        told = answer.json()
        told["port"]["status"] = status(sum(one.startswith(LOOK) for one in asked))
        told["port"]["device_owner"] = owner or told["port"]["device_owner"]
        return response(request, 200, json.dumps(told).encode())

    there.fault = fault
    return asked


def staged(there: InProcess, tmp_path: Path, patience: float = 30.0, stop: Event | None = None) -> Topology:
    scenario = HttpScenario.model_validate(
        {
            "name": "late",
            "kind": "http",
            "topology": {"flavor": {"vcpus": 1, "ram": "64MiB"}},
            "load": {"rate": [1]},
            "sla": {"errors": "1%"},
        }
    )
    with there.serving():
        cloud = connect(NAME, there.clouds_yaml, patience=replace(HURRIED, interface=patience))
        journal = Journal.start(
            NAME, clouds_yaml=there.clouds_yaml, folder=tmp_path / "runs", now=time.time()
        )
        boot = dict.fromkeys(Role, "#!/bin/sh\n")
        try:
            return stage(cloud, plan(scenario), boot, journal, StageOptions(concurrency=1), abort=stop)
        finally:
            journal.release()
            cloud.close()


def test_servers_wait_for_their_router(there: InProcess, tmp_path: Path) -> None:
    asked = reporting(there, lambda look: "ACTIVE" if look > 4 else "DOWN")
    topology = staged(there, tmp_path)
    looks = [at for at, one in enumerate(asked) if one.startswith(LOOK)]
    assert len(looks) == 4 + 3  # the client network's, the server router's leg in it, and its own network's
    assert looks[4] < asked.index("POST /compute/v2.1/servers")
    assert not [note for note in topology.notes if "router" in note]


def test_an_interface_that_is_there_costs_one_look(there: InProcess, tmp_path: Path) -> None:
    asked = reporting(there, lambda _: "ACTIVE")
    staged(there, tmp_path)
    assert sum(one.startswith(LOOK) for one in asked) == 3


def test_what_nobody_reports_is_waited_for_once(there: InProcess, tmp_path: Path) -> None:
    asked = reporting(there, lambda _: "DOWN")
    topology = staged(there, tmp_path, patience=0.015)
    looks = [one for one in asked if one.startswith(LOOK)]
    assert len(looks) > 1
    assert len({*looks}) == 1, "the others are not even looked at"
    (note,) = (note for note in topology.notes if "router" in note)
    assert "within the 0.015 s that a staging waits for all of them; servers were booted" in note


class Hours:
    """A session's `stop`, and its clock, that only waiting and looking move."""

    def __init__(self) -> None:
        self.now = 0.0

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def waiting(look: Callable[[str], Any]) -> tuple[Any, Hours]:
    """A builder at a cloud that answers looks so, and its clock."""
    hours = Hours()
    network = SimpleNamespace(get_port=look)
    cloud = SimpleNamespace(connection=SimpleNamespace(network=network), patience=USUAL)
    waited = Spent(lambda: hours.now)
    return SimpleNamespace(cloud=cloud, until=math.inf, stop=hours, unreported=[], waited=waited), hours


def test_many_slow_interfaces_cost_no_more_than_one_that_nobody_reports() -> None:
    """A staging that takes an hour has failed."""
    began: dict[str, float] = {}

    def look(port_id: str) -> Any:
        there = hours.now >= began.setdefault(port_id, hours.now) + 12.0
        return SimpleNamespace(status="ACTIVE" if there else "DOWN", device_owner="")

    builder, hours = waiting(look)
    for port_id in map(str, range(540)):
        wait_for(builder, port_id, f"network {port_id}")
    assert 12.0 < hours.now <= USUAL.interface
    assert "of the network 1 as ACTIVE" in note(builder)


def test_a_network_service_that_is_away_is_waited_for_no_longer_and_said() -> None:
    def look(_: str) -> Any:
        raise HttpException(http_status=503)

    builder, hours = waiting(look)
    wait_for(builder, "0", "network 0")
    assert 0 < hours.now <= USUAL.interface
    assert "of the network 0" in note(builder)


@pytest.mark.parametrize("status", [403, 404])
def test_a_port_that_is_not_shown_costs_nothing(status: int) -> None:
    def look(_: str) -> Any:
        raise HttpException(http_status=status)

    builder, hours = waiting(look)
    wait_for(builder, "0", "network 0")
    assert (hours.now, note(builder)) == (0.0, "")


def test_seconds_that_several_wait_at_once_count_once() -> None:
    hours = Hours()
    spent = Spent(lambda: hours.now)
    with spent.waiting():
        hours.wait(1)
        with spent.waiting():
            hours.wait(1)
        hours.wait(1)
        assert spent.seconds == 3
    hours.wait(5)
    with spent.waiting():
        hours.wait(1)
    assert spent.seconds == 4


def test_a_distributed_interface_comes_with_the_first_server(there: InProcess, tmp_path: Path) -> None:
    asked = reporting(there, lambda _: "DOWN", owner="network:router_interface_distributed")
    assert staged(there, tmp_path).servers
    assert sum(one.startswith(LOOK) for one in asked) == 3


def test_whoever_may_not_see_the_port_waits_for_nothing(there: InProcess, tmp_path: Path) -> None:
    def fault(request: Sent, send: Send) -> requests.Response:
        if said(request).startswith(LOOK):
            return response(request, 403, b"{}")
        return send()

    there.fault = fault
    assert staged(there, tmp_path).servers


def test_waiting_ends_with_the_session(there: InProcess, tmp_path: Path) -> None:
    stop = Event()

    def status(_: int) -> str:
        stop.set()
        return "DOWN"

    reporting(there, status)
    with pytest.raises(Aborted):
        staged(there, tmp_path, stop=stop)
