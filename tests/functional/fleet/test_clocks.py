"""A generator whose guest stood still while it measured, as in a live migration: its report says so."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable

import pytest

from kb_tests.cloud.progress import silent
from kb_tests.fleet.fleet import Fleet
from kb_tests.load import http
from kb_tests.measure.http.merge import measure
from kb_tests.measure.http.validity import validity
from tests.functional.fleet.plane import HOST, Plane
from tests.functional.fleet.test_whole_path import POINT
from tests.waiting import PATIENCE

TIME = re.compile(rb"(?<=\*2\r\n\$10\r\n)\d{10}(?=\r\n\$\d\r\n)")
"""The seconds in an answer to TIME."""


class Relay:
    """Between an agent and Redis. A guest that stood still sees Redis' clock `ahead`."""

    def __init__(self, port: int) -> None:
        self.ahead = 0
        self._redis = port
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                agent, _ = self._listener.accept()
                redis = socket.create_connection((HOST, self._redis))
                for way in ((agent, redis, bytes), (redis, agent, self._shown)):
                    threading.Thread(target=_pass_on, args=way, daemon=True).start()

    def _shown(self, data: bytes) -> bytes:
        return TIME.sub(lambda found: b"%d" % (int(found[0]) + self.ahead), data)


def _pass_on(source: socket.socket, to: socket.socket, change: Callable[[bytes], bytes]) -> None:
    with contextlib.suppress(OSError), source, to:
        while data := source.recv(1 << 16):
            to.sendall(change(data))


@pytest.mark.parametrize("seconds", [2, 0])
def test_a_guest_that_stood_still_is_no_instrument(control_plane: Plane, seconds: int) -> None:
    topology = control_plane.topology(clients=2)
    with Relay(control_plane.redis_port) as relay:
        moved = topology.clients[0]
        for server in topology.agents:
            port = relay.port if server == moved else control_plane.redis_port
            control_plane.start_agent(server, port=port)
        with Fleet.open(topology, control_plane.secrets, silent, time.monotonic() + PATIENCE) as fleet:

            def in_the_window(_: object) -> None:
                relay.ahead = seconds

            reports = http.run(POINT, fleet, in_the_window, port=control_plane.http_port)
    assert [report.problem for report in reports] == ["", ""]
    changes = [report.done.clock_change for report in reports if report.done]
    assert [round(change.seconds) for change in changes] == [seconds, 0]
    assert all(change.error < 0.5 and 3 <= change.elapsed < 60 for change in changes)
    told = " ".join(validity(POINT, measure(POINT, reports)))
    assert ("The clocks of 1 of 2 generators stood still while they measured" in told) == (seconds > 0)
