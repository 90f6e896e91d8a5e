"""Servers boot once their router's interface is reported, and in good time where nobody reports it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
import requests

from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
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
    first = looks[0]
    assert [looks.count(one) for one in dict.fromkeys(looks) if one != first] == [1, 1]
    (note,) = (note for note in topology.notes if "router" in note)
    assert "within 0.015 s; servers were booted all the same" in note


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
