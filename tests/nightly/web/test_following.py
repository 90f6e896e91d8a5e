"""Sessions that pages follow: in time, in order, without a gap, and as if nobody did."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from kb_tests.web.stream import MOST
from tests.functional.session.conftest import running, suite
from tests.functional.session.suite import Suite
from tests.functional.session.test_unharmed import Session
from tests.functional.web.rest import Api
from tests.waiting import SESSION, eventually

__all__ = ["running", "suite"]

LATE = 2.0
"""Seconds after which a second of a load is late on a page."""


class Follower(threading.Thread):
    """A page that follows a session: its events, and when each came."""

    def __init__(self, ui: Api, sid: str) -> None:
        super().__init__()
        self._ui, self._sid = ui, sid
        self.came: list[tuple[float, dict[str, Any]]] = []
        self.start()

    def run(self) -> None:
        for event in self._ui.events(self._sid):
            self.came.append((time.time(), event))

    def events(self) -> list[tuple[str, int]]:
        """Which they were: process and number."""
        return [(event["process"], event["n"]) for _, event in self.came if "n" in event]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_session_of_a_shell_is_followed_in_time_and_order(suite: Suite, workers: list[str]) -> None:
    session = Session(suite, suite.folder / "state", workers, seconds=8)
    told = session.wait_for_second()
    with Api(suite.folder) as ui:
        follower = Follower(ui, told.sid)
        session.assert_unharmed()
        follower.join(SESSION)
    began = follower.came[0][0]
    fresh = [came - event["t"] for came, event in follower.came if event.get("t", 0) > began]
    assert len([1 for _, event in follower.came if event.get("kind") == "second"]) >= 8
    assert len(fresh) >= 5, "most of it came while it was followed"
    assert max(fresh) < LATE, fresh
    events = follower.events()
    assert ({name for name, _ in events} == {"main"}) is not bool(workers)
    for process in {name for name, _ in events}:
        numbers = [n for name, n in events if name == process]
        assert numbers == list(range(len(numbers))), process


def test_sixty_four_pages_and_some_that_read_nothing_cost_a_session_nothing(suite: Suite) -> None:
    session = Session(suite, suite.folder / "state", seconds=8)
    told = session.wait_for_second()
    with Api(suite.folder) as ui, ExitStack() as stack:
        host, _, port = ui.place.rpartition(":")
        asked = f"GET /api/v1/sessions/{told.sid}/events HTTP/1.1\r\nHost: {ui.place}\r\n"
        for _ in range(4):
            deaf = stack.enter_context(socket.create_connection((host, int(port))))
            deaf.sendall(f"{asked}Authorization: Bearer {ui.token}\r\n\r\n".encode())
        followers = [Follower(ui, told.sid) for _ in range(MOST - 4)]
        eventually(lambda: all(follower.came for follower in followers))
        assert ui.ask("GET", f"/sessions/{told.sid}/events").status == 503
        assert ui.ask("GET", "/sessions").status == 200
        session.assert_unharmed()
        for follower in followers:
            follower.join(SESSION)
    seen = [follower.events() for follower in followers]
    assert all(events == seen[0] for events in seen), "all were told the same"
    assert followers[0].came[-1][1] == {}, "and the end"
