"""Tunnel, Redis, shipped agent, nginx: one HTTP point from the command to the reports."""

from __future__ import annotations

import time
from dataclasses import replace

from kb_tests.cloud.progress import silent
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.http.messages import SecondReport
from kb_tests.load import http
from kb_tests.scenario.http import HttpPoint
from simulated.plane import Plane
from tests.functional.fleet.patient import PATIENT
from tests.waiting import PATIENCE

POINT = HttpPoint(
    id="test-clients-2-rate-200",
    scenario="test",
    clients=2,
    rate=200,
    connections=10,
    page_size=32768,
    keep_alive=True,
    warm_up=1,
    duration=2,
    max_duration=2,
    timeout=10,
)


def test_a_point_from_command_to_reports(control_plane: Plane) -> None:
    topology = control_plane.topology(clients=2)
    for server in topology.agents:
        control_plane.start_agent(server)
    seen: list[SecondReport] = []
    deadline = time.monotonic() + PATIENCE
    with Fleet.open(topology, control_plane.secrets, silent, deadline, patience=PATIENT) as fleet:
        assert {hello.role for hello in fleet.hellos.values()} == {"server", "client"}
        assert fleet.hellos[topology.servers[0].name].versions.keys() == {"python", "kernel", "nginx"}
        assert fleet.versions[0].keys() == {"redis"}
        assert {server.mtu for server in fleet.topology.agents} == {65_535}, "that of the loopback device"
        for tls in (False, True):
            reports = http.run(replace(POINT, tls=tls), fleet, seen.append, port=control_plane.http_port)
            assert [report.agent for report in reports] == [server.name for server in topology.clients]
            for report in reports:
                assert report.problem == ""
                assert report.done is not None
                assert report.done.counts.due == report.done.counts.completed == 400
                assert sum(block.counts.due for block in report.blocks) == 400
                assert report.clock_error > 0
                assert report.done.tls[:7] == ("TLSv1.3" if tls else "")
            assert set(fleet._commands.signs) == {server.name for server in topology.agents}
            assert all(signs.figures for signs in fleet._commands.signs.values())
            assert fleet.signs == (), "all of them run on this machine's kernel, so that nothing is their own"
        key = control_plane.folder / topology.servers[0].name / "tls.pem"
        assert key.stat().st_mode & 0o777 == 0o600
    assert {second.index for second in seen} >= {-1, 0, 1}
