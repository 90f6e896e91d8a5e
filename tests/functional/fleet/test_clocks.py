"""Agents begin together: it is about time, and runs apart."""

from __future__ import annotations

import time

from kb_tests.cloud.progress import silent
from kb_tests.fleet.fleet import Fleet
from kb_tests.load import http
from simulated.plane import Plane
from tests.functional.fleet.patient import PATIENT
from tests.functional.fleet.test_whole_path import POINT
from tests.waiting import PATIENCE, tried


def test_clocks_are_read_well_and_the_start_is_kept(control_plane: Plane) -> None:
    topology = control_plane.topology(clients=2)
    for server in topology.agents:
        control_plane.start_agent(server)
    until = time.monotonic() + PATIENCE
    with Fleet.open(topology, control_plane.secrets, silent, until, patience=PATIENT) as fleet:

        @tried()
        def measure() -> None:
            for report in http.run(POINT, fleet, port=control_plane.http_port):
                assert report.done is not None
                assert 0 < report.clock_error < 0.01
                assert abs(report.done.skew) < 0.05

        measure()
