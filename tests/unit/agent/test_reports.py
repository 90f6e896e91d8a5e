"""Reports of an agent far from the control server: they keep up, in order, and twice rather than never."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.agent import control
from kb_tests.agent.control import Channel, Control
from kb_tests.agent.resp import Reply
from kb_tests.fleet.messages import Hello
from kb_tests.fleet.sequence import TWICE, ReportSequence


class Redis:
    """What arrives at the server, `way` seconds after it was sent; answers take as long back."""

    def __init__(self, way: float) -> None:
        self.way = way
        self.now = 50.0
        self.arrived: list[bytes] = []


class Link:
    """One connection to it. What was sent when it broke may still arrive."""

    def __init__(self, server: Redis) -> None:
        self.server = server
        self.sent: list[tuple[float, bytes]] = []
        self.taken = 0

    def send(self, *command: Any) -> None:
        assert command[0] == "XADD"
        self.sent.append((self.server.now, command[-1]))

    def close(self) -> None:
        pass

    def replies(self) -> list[Reply]:
        """Those that are back by now; what they answer has arrived."""
        back = sum(at + 2 * self.server.way <= self.server.now for at, _ in self.sent)
        made = self.sent[self.taken : back]
        self.server.arrived += [raw for _, raw in made]
        self.taken = back
        return [b"1-0"] * len(made)

    def lose(self, count: int) -> None:
        """It breaks: so many more arrive without an answer, the rest never does."""
        self.server.arrived += [raw for _, raw in self.sent[self.taken : self.taken + count]]


def _hello(seq: int) -> Hello:
    model: Any = Hello
    made: Hello = model.model_construct(seq=seq, instance="i")
    return made


Made = tuple[Control, Redis, Callable[[], Link]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Made]:
    def make(way: float) -> Made:
        server = Redis(way)
        monkeypatch.setattr(time, "monotonic", lambda: server.now)
        agent = Control(Channel("c0ffee00", "192.0.2.9", 1, "u", "p"), "a")

        def connect() -> Link:
            link = Link(server)
            agent._reports = cast("Any", link)
            agent.pump()
            return link

        return agent, server, connect

    return make


@pytest.mark.parametrize("way", [0.0001, 0.4, 1.0])
def test_reports_keep_up_with_a_load_whatever_the_way(made: Callable[[float], Made], way: float) -> None:
    """Two a second: one at a time would be fewer at a round trip of 0.8 s, and the load ends in silence."""
    agent, server, connect = made(way)
    connect()
    for second in range(60):
        for kind in ("second", "block"):
            agent.report(kind, {"id": "c1", "index": second})
        server.now += 1.0
        agent.pump(readable=True)
    assert len(agent._outbox) <= 2 * (2 * way + 1)
    server.now += 2 * way
    agent.pump(readable=True)
    assert agent.idle
    assert [json.loads(raw)["seq"] for raw in server.arrived] == list(range(1, 121))


def test_a_large_report_has_the_way_for_itself(made: Callable[[float], Made]) -> None:
    """The agent would wait in the middle of sending."""
    agent, _, connect = made(0.4)
    link = connect()
    large = {"id": "c1", "text": "x" * 2 * control.MAX_BYTES_UNDER_WAY}
    for body in ({"id": "c1"}, large, {"id": "c1"}):
        agent.report("block", body)
    assert len(link.sent) == 1
    for _ in range(40):
        agent.report("second", {"id": "c1"})
    link.server.now += 0.8
    agent.pump(readable=True)
    assert len(link.sent) == 2
    link.server.now += 0.8
    agent.pump(readable=True)
    assert len(link.sent) == 2 + control.MAX_UNDER_WAY


def test_what_was_under_way_when_the_connection_broke_is_no_fault_of_the_agent(
    made: Callable[[float], Made],
) -> None:
    """It is sent again, in order, and known again; between the two, the first may still arrive."""
    source = random.Random(5)
    for _ in range(50):
        agent, server, connect = made(0.4)
        link = connect()
        agent.report("hello", {"instance": "i"})
        for number in range(40):
            agent.report("second", {"id": "c1", "index": number})
            if source.random() < 0.5:
                server.now += source.choice((0.1, 0.8))
                agent.pump(readable=True)
            if source.random() < 0.2:
                link.lose(source.randint(0, control.MAX_UNDER_WAY))
                agent._broken(ConnectionError("broken"))
                link = connect()
        while not agent.idle:
            server.now += 0.8
            agent.pump(readable=True)
        sequence, new = ReportSequence(), []
        for raw in server.arrived:
            told = json.loads(raw)
            report: Any = SimpleNamespace(seq=told["seq"])
            if told["kind"] == "hello":
                report = _hello(told["seq"])
            fresh, problem = sequence.follow(report, raw)
            assert problem == ""
            new += [told["seq"]] if fresh else []
        assert new == list(range(1, 42))
    assert control.MAX_UNDER_WAY <= TWICE


def test_another_report_of_a_number_that_was_there_is_a_fault() -> None:
    sequence = ReportSequence()
    sequence.follow(_hello(1), b"hello")
    for number in range(2, 12):
        assert sequence.follow(SimpleNamespace(seq=number), b"%d" % number) == (True, "")  # type: ignore[arg-type]
    report: Any = SimpleNamespace(seq=11)
    assert sequence.follow(report, b"11") == (False, "")
    assert sequence.follow(SimpleNamespace(seq=4), b"4") == (False, "")  # type: ignore[arg-type]
    assert sequence.follow(SimpleNamespace(seq=9), b"other")[1] == "it sent report 9 after report 11"  # type: ignore[arg-type]
    assert sequence.follow(SimpleNamespace(seq=12), b"12") == (True, "")  # type: ignore[arg-type]
    assert sequence.follow(SimpleNamespace(seq=3), b"3")[1] == "it sent report 3 after report 12"  # type: ignore[arg-type]


def test_what_was_taken_beside_one_that_was_refused_is_taken_once() -> None:
    """As by a Redis that is out of memory for a moment: all that was under way is sent again."""
    sequence = ReportSequence()
    assert sequence.follow(_hello(10), b"hello") == (True, "")
    told = []
    for seq in (12, 13, 14, 11, 12, 13, 14, 15):
        report: Any = SimpleNamespace(seq=seq)
        told.append(sequence.follow(report, b"%d" % seq))
    assert [new for new, _ in told] == [True, True, True, False, False, False, False, True]
    problems = [problem for _, problem in told]
    assert problems[0] == "1 of its reports were lost"
    assert problems[3] == "it sent report 11 after report 14"
    assert not any([*problems[1:3], *problems[4:]])
