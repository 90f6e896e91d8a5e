"""An agent that is far from the control server begins with the others all the same."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.agent import main, protocol
from kb_tests.agent.clock import Reading
from kb_tests.agent.control import Channel, Control
from kb_tests.agent.identity import Identity
from kb_tests.agent.resp import Reply
from kb_tests.fleet.fleet import LEAD, LEAD_ROUND_TRIPS

OFFSET = 1000.0
"""What the control server's clock is ahead."""


class Far:
    """A connection whose answers take `round_trip` seconds of a time that only it lets pass; the second
    answer to a call, on a busy machine, `worst` seconds more.
    """

    def __init__(self, round_trip: float, worst: float) -> None:
        self.round_trip = round_trip
        self.worst = worst
        self.calls = 0
        self.now = 50.0

    def call(self, *_command: object) -> Reply:
        self.calls += 1
        if self.calls == 2:
            self.now += self.worst
        self.now += self.round_trip / 2
        seconds, rest = divmod(self.now + OFFSET, 1)
        self.now += self.round_trip / 2
        return [b"%d" % seconds, b"%d" % (rest * 1e6)]

    def send(self, *_command: object) -> None:
        pass

    def replies(self) -> list[Reply]:
        self.now += self.round_trip
        return [b"1-0"]


def loaded(link: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[main.Agent, list[float]]:
    """An agent that has prepared the load "c1", and when that is started."""
    config = {"run": "c0ffee00", "host": "192.0.2.9", "port": 1, "user": "u", "password": "p"}
    config |= {"role": "client", "folder": str(tmp_path), "listen": "80"}
    monkeypatch.setattr(main, "_versions", lambda _role: {})
    agent = main.Agent(main.Config(json.dumps(config).encode()), Identity("a", ""))
    monkeypatch.setattr(time, "monotonic", lambda: link.now)
    control = Control(Channel("c0ffee00", "192.0.2.9", 1, "u", "p"), "a")
    control._reports, control._outbox, control._outbox_bytes = link, [b"a report"], 8
    control._under_way, control._sent_at, control.reading = [8], link.now, Reading(OFFSET, 0.0001, 0.0)
    started: list[float] = []
    agent._control, agent._load_id = control, "c1"
    agent._load = SimpleNamespace(start=started.append, fileno=lambda: -1, abort=lambda: None)
    return agent, started


@pytest.mark.parametrize(
    ("round_trip", "when_enrolled", "worst"),
    [
        (0.0002, 0.0002, 0.2),
        (0.05, 0.0, 0.1),
        (0.15, 0.0, 0.0),
        (0.4, 0.4, 0.0),
        (0.5, 0.5, 0.8),
        (2.0, 2.0, 0.0),
    ],
)
def test_a_start_is_met_from_afar(
    round_trip: float,
    when_enrolled: float,
    worst: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link: Any = Far(round_trip, worst)
    agent, started = loaded(link, tmp_path, monkeypatch)
    at = link.now + OFFSET + LEAD + LEAD_ROUND_TRIPS * when_enrolled
    link.now += round_trip / 2
    agent._obey(protocol.encode({"kind": "start", "id": "c1", "start_at": at}))

    assert started, agent._control._outbox
    assert started[0] == pytest.approx(at - OFFSET, abs=0.001)
    assert link.now < started[0], "and has time to tell its load"


@pytest.mark.parametrize(("ahead", "late"), [(-0.4, 0.4), (-600.0, 600.0), (600.0, 0.0)])
def test_a_start_that_was_missed_is_told_with_by_how_much(
    ahead: float, late: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link: Any = Far(0.0, 0.0)
    agent, started = loaded(link, tmp_path, monkeypatch)
    start_at = link.now + OFFSET + ahead
    agent._obey(protocol.encode({"kind": "start", "id": "c1", "start_at": start_at}))
    assert started == []
    told = json.loads(agent._control._outbox[-1])
    assert told["kind"] == "failed"
    assert told["error"].startswith(f"the start time lies {ahead:.3f} s ahead")
    assert told.get("late", 0.0) == pytest.approx(late)
    assert ("late" in told) is (late > 0), "older suites refuse it"
