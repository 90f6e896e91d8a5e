"""The shipped agent by itself: what it does with commands that nobody should send, and with nginx."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from kb_tests.agent import protocol
from kb_tests.agent.page import Page
from kb_tests.cloud.progress import silent
from kb_tests.cloud.topology import Role
from kb_tests.errors import FleetError
from kb_tests.fleet import bundle
from kb_tests.fleet.fleet import Fleet
from simulated.plane import HOST, RUN, Plane
from tests.functional.fleet.patient import PATIENT
from tests.waiting import PATIENCE, eventually

SERVER = f"kb-{RUN}-server-0"


@pytest.fixture
def controller(control_plane: Plane) -> Iterator[redis.Redis]:
    password = control_plane.secrets.controller_password
    with redis.Redis(
        HOST, control_plane.redis_port, username="controller", password=password, protocol=2
    ) as made:
        yield made


def opened(plane: Plane) -> None:
    """Start the HTTP server's agent alone, and wait until it is ready."""
    topology = plane.topology(0)
    plane.start_agent(topology.servers[0])
    with Fleet.open(topology, plane.secrets, silent, time.monotonic() + PATIENCE, patience=PATIENT):
        pass


def page(plane: Plane, size: int) -> bytes:
    with urllib.request.urlopen(f"http://{HOST}:{plane.http_port}/{size}", timeout=PATIENCE) as answer:
        return bytes(answer.read())


def test_the_agent_outlives_any_command(control_plane: Plane, controller: redis.Redis) -> None:
    opened(control_plane)
    bad = [
        b"",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b"x" * 900_000,
        b'{"v":1,"kind":"_turn"}',
        b'{"v":1,"kind":"start","id":"unknown","start_at":1}',
        b'{"v":1,"kind":"load","id":"x","clients":1,"http":{"rate":"fast"}}',
        b'{"v":1,"kind":"serve","id":"huge","pages":[1099511627776],"connections":1,"tls":""}',
        b'{"v":1,"kind":"abort","id":"unknown"}',
    ]
    for raw in bad:
        controller.xadd(protocol.commands_key(RUN), {protocol.FIELD: raw})
    controller.xadd(protocol.commands_key(RUN), {"other": "field", "more": "fields"})
    controller.xadd(
        protocol.commands_key(RUN),
        {protocol.FIELD: b'{"v":1,"kind":"enroll","id":"end","index":7,"target":""}'},
    )
    said: list[dict[str, Any]] = []

    def ended() -> bool:
        answer: Any = controller.xread({protocol.reports_key(RUN): "0"})
        said[:] = [json.loads(fields[protocol.FIELD]) for _, entries in answer for _, fields in entries]
        return any(report.get("id") == "end" for report in said)

    eventually(ended, what=lambda: control_plane.log(SERVER))
    assert control_plane.processes[SERVER].poll() is None
    errors = [report["error"] for report in said if report["kind"] == "failed"]
    assert any("does not know the command '_turn'" in error for error in errors)
    assert any("no room for a page of 1099511627776 bytes" in error for error in errors)
    numbers = [report["seq"] for report in said]
    assert numbers == list(range(numbers[0], numbers[0] + len(said)))


def test_pages_of_any_size_are_served_whole(control_plane: Plane) -> None:
    opened(control_plane)
    topology = control_plane.topology(0)
    until = time.monotonic() + PATIENCE
    with Fleet.open(topology, control_plane.secrets, silent, until, patience=PATIENT) as fleet:
        fleet.serve([0, 1, 1000, (1 << 20) + 1], 2000)
        for size in (0, 1, 1000, (1 << 20) + 1):
            assert page(control_plane, size) == b"".join(Page(size).pieces())
        with pytest.raises(FleetError, match="no room"):
            fleet.serve([1 << 40], 10)


def test_nginx_is_started_again_when_it_dies(control_plane: Plane) -> None:
    opened(control_plane)
    pid_file = control_plane.folder / SERVER / "nginx.pid"
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)
    sizes = itertools.count(1)
    topology, until = control_plane.topology(0), time.monotonic() + PATIENCE
    with Fleet.open(topology, control_plane.secrets, silent, until, patience=PATIENT) as fleet:

        def is_another() -> bool:
            fleet.serve([next(sizes)], 10)
            return int(pid_file.read_text()) != first

        eventually(is_another)
    assert page(control_plane, 1)


def test_an_agent_started_again_takes_its_nginx_over_and_is_small(control_plane: Plane) -> None:
    opened(control_plane)
    os.kill(control_plane.processes[SERVER].pid, signal.SIGKILL)
    control_plane.processes.pop(SERVER).wait()
    opened(control_plane)  # now its sources are compiled, as in a server
    assert page(control_plane, 1)
    memory = Path(f"/proc/{control_plane.processes[SERVER].pid}/smaps_rollup").read_text()
    assert int(memory.partition("Anonymous:")[2].split()[0]) < 5_000, "kB"


def test_quit_ends_agent_and_nginx(control_plane: Plane) -> None:
    opened(control_plane)
    topology, until = control_plane.topology(0), time.monotonic() + PATIENCE
    with Fleet.open(topology, control_plane.secrets, silent, until, patience=PATIENT) as fleet:
        fleet.quit()
    assert control_plane.processes[SERVER].wait(PATIENCE) == 0
    with pytest.raises(OSError, match="refused"):
        page(control_plane, 1)


def test_a_config_that_is_none_ends_the_agent_with_2(control_plane: Plane, tmp_path: Path) -> None:
    agent, config = bundle.write(Role.CLIENT, tmp_path / "agent"), tmp_path / "config.json"
    config.write_text('{"run": "x"}')
    control_plane.spawn("bad", ["/usr/bin/python3", "-IS", str(agent), str(config)])
    assert control_plane.processes["bad"].wait(PATIENCE) == 2
    assert "config file cannot be used" in control_plane.log("bad")
