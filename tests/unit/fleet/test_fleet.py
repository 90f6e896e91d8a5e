from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import pytest

from kb_tests.cloud.progress import silent
from kb_tests.errors import AgentsMissingError, FleetError, TunnelError
from kb_tests.fleet.channel import ControlChannel
from kb_tests.fleet.fleet import LEAD, Fleet
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.http.messages import HttpReport, SecondReport
from kb_tests.fleet.patience import USUAL
from tests.unit.fleet.agents import RUN, FakeAgent, FakeChannel, topology

LOAD = {"kind": "load", "http": {}}
FIRST = f"kb-{RUN}-client-0"
SECOND = f"kb-{RUN}-client-1"
SERVER = f"kb-{RUN}-server-0"
Script = Callable[[FakeAgent, dict[str, Any]], list[Any]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Fleet, FakeChannel]]:
    def make(pairs: int = 2, scripts: dict[str, Script] | None = None) -> tuple[Fleet, FakeChannel]:
        staged = topology(pairs)
        channel = FakeChannel(staged, scripts)
        monkeypatch.setattr(time, "monotonic", channel.monotonic)
        fleet = Fleet(staged, cast("ControlChannel", channel))
        return fleet, channel

    return make


Make = Callable[..., tuple[Fleet, FakeChannel]]


def muster(fleet: Fleet, deadline: float = math.inf) -> None:
    fleet._wait_for_agents(silent, deadline)


def on(kind: str, answer: Script) -> Script:
    """A healthy agent but for its reports of one kind."""
    return lambda agent, message: answer(agent, message) if message["kind"] == kind else [message]


def run(make: Make, script: Script, clients: int = 2) -> tuple[HttpReport, HttpReport, FakeChannel]:
    """One load with a first agent that follows `script` once it is enrolled."""
    enrolled = False

    def first(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        return script(agent, message) if enrolled else [message]

    fleet, channel = make(scripts={FIRST: first})
    muster(fleet)
    enrolled = True
    one, two = fleet.run(LOAD, clients, 2, HttpGathering)
    return one, two, channel


def test_all_agents_are_enrolled_in_order_with_their_targets(make: Make) -> None:
    fleet, channel = make(pairs=3)
    muster(fleet)
    enrolled = {name: agent.commands[-1] for name, agent in channel.agents.items()}
    assert [
        (enrolled[f"kb-{RUN}-client-{i}"]["index"], enrolled[f"kb-{RUN}-client-{i}"]["target"])
        for i in range(3)
    ] == [
        (0, "10.0.0.10"),
        (1, "10.0.0.11"),
        (2, "10.0.0.12"),
    ]
    assert (enrolled[SERVER]["index"], enrolled[SERVER]["target"]) == (-1, "")


def test_missing_agents_are_named_but_not_too_many(make: Make) -> None:
    fleet, channel = make(pairs=8)
    for name in list(channel.agents)[4:]:
        del channel.agents[name]
    with pytest.raises(AgentsMissingError, match=r"server-4, .* and 7 more.*console log"):
        muster(fleet, deadline=1005.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"uuid": "another"}, "server another"), ({"role": "storage"}, "a storage"), ({"v": 0}, "version 0")],
)
def test_an_agent_that_is_not_what_was_staged_does_not_count(
    make: Make, change: dict[str, Any], says: str
) -> None:
    fleet, channel = make(scripts={FIRST: on("hello", lambda _, message: [message | change])})
    began = channel.now
    with pytest.raises(AgentsMissingError, match=rf"cannot be used: {FIRST} \(.*{says}"):
        muster(fleet, deadline=began + 3600)
    assert channel.now <= began + USUAL.reconsider + 1, "nobody else is waited for"


def test_an_agent_that_is_refused_may_still_become_right(make: Make) -> None:
    said = 0

    def old_at_first(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        nonlocal said
        said += 1
        return [message | {"v": 0}, message] if said == 1 else [message]

    fleet, _ = make(scripts={FIRST: on("hello", old_at_first)})
    muster(fleet)
    assert said == 1


def test_while_others_may_come_a_refused_agent_ends_nothing(make: Make) -> None:
    fleet, channel = make(scripts={FIRST: on("hello", lambda _, message: [message | {"v": 0}])})
    del channel.agents[SECOND]
    began = channel.now
    with pytest.raises(AgentsMissingError, match=rf"No sign .*{FIRST} \(.*version 0.*{SECOND}"):
        muster(fleet, deadline=began + 60)
    assert channel.now >= began + 60


def test_a_load_comes_back_whole_from_those_that_take_part(make: Make) -> None:
    fleet, channel = make(pairs=3)
    muster(fleet)
    seen: list[Any] = []
    reports = fleet.run(LOAD, 2, 2, HttpGathering, seen.append)
    assert [report.agent for report in reports] == [FIRST, SECOND]
    assert [report.host for report in reports] == ["host-0", "host-1"]
    for report in reports:
        assert report.problem == ""
        assert [second.index for second in report.seconds] == [0, 1]
        assert [block.index for block in report.blocks] == [0, 1]
        assert report.clock_error == 0.001
    assert sum(isinstance(report, SecondReport) for report in seen) == 4
    assert [message["kind"] for message in channel.sent] == ["hello", "load", "start"]
    assert channel.sent[-1]["start_at"] == pytest.approx(channel.time() + LEAD)


def test_what_the_control_server_s_clock_did_meanwhile_is_told(make: Make) -> None:
    def set_on(_: FakeAgent, message: dict[str, Any]) -> list[Any]:
        channel.skew += 1.0
        return [message]

    fleet, channel = make(pairs=1, scripts={FIRST: on("done", set_on)})
    muster(fleet)
    (report,) = fleet.run(LOAD, 1, 2, HttpGathering)
    assert report.control_clock is not None
    assert report.control_clock.seconds == pytest.approx(1.0)


def test_the_start_lies_further_ahead_of_agents_that_answer_slowly(make: Make) -> None:
    def slow(_: FakeAgent, message: dict[str, Any]) -> list[Any]:
        channel.now += 0.5
        return [message]

    fleet, channel = make(scripts={FIRST: on("ready", slow)})
    muster(fleet)
    fleet.run(LOAD, 2, 1, HttpGathering)
    assert channel.sent[-1]["kind"] == "start"
    assert channel.sent[-1]["start_at"] >= channel.time() + LEAD + 4 * 0.5


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (on("done", lambda *_: []), "of its report: it was ended, or its way to"),
        (on("second", lambda _, m: [m, m] if m["index"] else [m]), "second 1 twice"),
        (on("second", lambda a, m: [m | {"seq": a.seq + 3}] if m["index"] else [m]), "reports were lost"),
        (on("second", lambda a, m: [m | {"seq": a.seq}]), "after report"),
        (on("block", lambda _, m: [] if m["index"] == 0 else [m]), "blocks are missing"),
        (on("block", lambda _, m: [m | {"response": "!"}]), "does not fit the protocol"),
        (on("block", lambda _, m: [m | {"response": "A" * 300_000}]), "too large"),
        (on("done", lambda _, m: [m | {"cpu": -1.0}]), "does not fit the protocol"),
        (on("done", lambda _, m: [m | {"v": 0}]), "protocol version 0"),
        (on("done", lambda _, m: [m, m]), "done twice"),
        (on("done", lambda a, m: [m | {"kind": "failed", "error": "no ports"}]), "no ports"),
    ],
)
def test_whatever_goes_wrong_with_an_agent_is_its_problem(make: Make, script: Script, problem: str) -> None:
    def changed(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        answer = script(agent, message)
        if answer and isinstance(answer[0], dict) and answer[0]["kind"] == "failed":
            wanted = ("v", "kind", "agent", "seq", "id", "error")
            answer = [{key: answer[0][key] for key in wanted}]
        return answer

    one, two, _ = run(make, changed)
    assert problem in one.problem
    assert two.problem == ""
    assert two.done is not None


def fine(_: FakeAgent, message: dict[str, Any]) -> list[Any]:
    """Its two blocks are eight hundred, a quarter of a second each."""
    if message["kind"] != "block":
        return [message]
    first, short = 400 * message["index"], {"seconds": 0.25}
    return [message | short | {"index": at, "begin": at / 4} for at in range(first, first + 400)]


@pytest.mark.parametrize(
    ("seconds", "problem"), [(200, ""), (80, "it sent more than 440 reports of kind block")]
)
def test_blocks_may_be_many_where_they_were_asked_to_be_short(
    make: Make, seconds: float, problem: str
) -> None:
    fleet, _ = make(pairs=1, scripts={FIRST: fine})
    muster(fleet)
    (one,) = fleet.run({"kind": "load", "http": {"block": 0.25}}, 1, seconds, HttpGathering)
    assert one.problem == problem
    assert len(one.blocks) == (800 if not problem else 440)


def test_a_report_that_redis_took_twice_counts_once(make: Make) -> None:
    def twice(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        agent.seq += 1
        numbered = message | {"seq": agent.seq}
        return [numbered, numbered]

    one, _, _ = run(make, twice)
    assert one.problem == ""
    assert len(one.seconds) == 2


def test_an_agent_that_starts_again_in_mid_run_is_a_problem_and_is_enrolled_again(make: Make) -> None:
    def restart(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        if message["kind"] != "second" or message["index"] != 1:
            return [message]
        agent.instance, agent.seq, agent.index, agent.loaded = "fedcba9876543210", 0, -1, ""
        return agent.hello()

    enrolled = False

    def first(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        return restart(agent, message) if enrolled and agent.instance[0] == "0" else [message]

    fleet, channel = make(scripts={FIRST: first})
    muster(fleet)
    enrolled = True
    assert "started again" in fleet.run(LOAD, 2, 2, HttpGathering)[0].problem
    assert [report.problem for report in fleet.run(LOAD, 2, 2, HttpGathering)] == ["", ""]
    assert sum(command["kind"] == "enroll" for command in channel.agents[FIRST].commands) == 2


def test_nothing_starts_unless_all_can(make: Make) -> None:
    def cannot(_: FakeAgent, message: dict[str, Any]) -> list[Any]:
        wanted = {key: message[key] for key in ("v", "agent", "seq", "id")}
        return [wanted | {"kind": "failed", "error": "no route"}]

    one, two, channel = run(make, on("ready", cannot))
    assert one.problem == "no route"
    assert two.problem == f"it was not started, because of {FIRST}: no route"
    assert "start" not in [message["kind"] for message in channel.sent]
    assert channel.sent[-1]["kind"] == "abort"


def test_an_agent_that_never_gets_ready_is_not_waited_for_forever(make: Make) -> None:
    one, _, channel = run(make, on("ready", lambda *_: []))
    assert one.problem == "it did not get ready in time"
    assert channel.now < 1200


def test_an_interrupt_stops_the_agents(make: Make) -> None:
    fleet, channel = make()
    muster(fleet)

    def interrupt(report: Any) -> None:
        if isinstance(report, SecondReport):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.run(LOAD, 2, 2, HttpGathering, interrupt)
    assert channel.sent[-1] == {"kind": "abort", "id": channel.sent[-2]["id"]}


def test_a_lost_control_server_is_raised_even_though_the_abort_fails_too(make: Make) -> None:
    fleet, channel = make()
    muster(fleet)

    def cut(_: Any) -> None:
        channel.broken = TunnelError("gone")

    channel.agents[FIRST]._script = on("done", lambda *_: [])
    with pytest.raises(TunnelError, match="gone"):
        fleet.run(LOAD, 2, 2, HttpGathering, cut)


def test_messages_of_strangers_and_of_earlier_commands_are_ignored(make: Make) -> None:
    fleet, channel = make()
    muster(fleet)
    fleet.run(LOAD, 2, 2, HttpGathering)
    stranger = FakeAgent(topology(9).clients[8], lambda _, message: [message])
    channel.queue += (
        channel.agents[FIRST].load("earlier") + stranger.hello() + [b"", b"[" * 99_999, b"{}", b"\xff"]
    )
    assert [report.problem for report in fleet.run(LOAD, 2, 2, HttpGathering)] == ["", ""]


def test_pages_are_asked_for_once(make: Make) -> None:
    fleet, channel = make()
    muster(fleet)

    def served() -> int:
        return sum(command["kind"] == "serve" for command in channel.agents[SERVER].commands)

    fleet.serve([1024], 10)
    fleet.serve([1024], 10)
    assert served() == 1
    fleet.serve([1024, 2048], 10)
    fleet.serve([1024], 20)
    fleet.serve([2048], 20)
    assert served() == 3
    fleet.serve([2048], 20, tls=True)
    fleet.serve([1024], 10, tls=True)
    assert served() == 4
    assert "PRIVATE KEY" in channel.agents[SERVER].commands[-1]["tls"]
    fleet.serve([2048], 20)
    assert served() == 5
    assert channel.agents[SERVER].commands[-1]["tls"] == ""


def test_an_http_server_that_cannot_serve_is_an_error(make: Make) -> None:
    def cannot(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        if agent.commands[-1]["kind"] != "serve":
            return [message]
        wanted = {key: message[key] for key in ("v", "agent", "seq", "id")}
        return [wanted | {"kind": "failed", "error": "no room for a page"}]

    fleet, _ = make(scripts={SERVER: on("ready", cannot)})
    muster(fleet)
    with pytest.raises(FleetError, match=f"{SERVER}.*no room"):
        fleet.serve([1024], 10)


def test_generators_load_others_servers_while_they_are_turned(make: Make) -> None:
    fleet, channel = make(pairs=4)
    muster(fleet)

    def targets() -> list[str]:
        agents = (channel.agents[f"kb-{RUN}-client-{i}"] for i in range(4))
        enrolled = ([one for one in agent.commands if one["kind"] == "enroll"][-1] for agent in agents)
        return [one["target"] for one in enrolled]

    with fleet.rotated(3, 1):
        fleet.run(LOAD, 3, 2, HttpGathering)
        assert targets() == ["10.0.0.11", "10.0.0.12", "10.0.0.10", "10.0.0.13"]
    fleet.run(LOAD, 3, 2, HttpGathering)
    assert targets() == ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13"]


def misses(late: float, times: int) -> Script:
    """A generator that comes so many seconds too late to its first starts."""

    def script(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        starts = sum(command["kind"] == "start" for command in agent.commands)
        if starts > times or message["kind"] not in ("second", "block", "done"):
            return [message]
        if message.get("index") or message["kind"] != "second":
            return []
        told = {key: message[key] for key in ("v", "agent", "id", "seq")}
        return [told | {"kind": "failed", "error": "the start is missed", "late": late}]

    return script


@pytest.mark.parametrize(
    ("late", "times", "at_once", "starts", "problem"),
    [
        (0.3, 1, False, 2, ""),
        (5.0, 2, False, 3, ""),
        (0.3, 9, False, 3, "the start is missed"),
        (0.3, 1, True, 1, "the start is missed"),
        (3600.0, 1, False, 1, "the start is missed"),
        (29.9, 9, False, 1, "the start is missed"),
        (0.0, 1, False, 1, "the start is missed"),
    ],
    ids=[
        "once",
        "twice",
        "ever again",
        "hooks were begun",
        "another clock",
        "too late to bear",
        "for another reason",
    ],
)
def test_a_start_that_a_busy_agent_missed_is_made_again_further_ahead(
    make: Make, late: float, times: int, at_once: bool, starts: int, problem: str
) -> None:
    fleet, channel = make(scripts={FIRST: misses(late, times)})
    muster(fleet)
    told: list[float] = []
    with fleet.telling(told.append, at_once=at_once):
        (report,) = fleet.run(LOAD, 1, 2, HttpGathering)
    sent = [message for message in channel.sent if message["kind"] in ("load", "start")]
    assert [message["kind"] for message in sent] == ["load", "start"] * starts
    leads = [message["start_at"] - 1e9 - 1000 for message in sent[1::2]]
    assert report.problem == problem
    assert len(report.seconds) == (0 if problem else 2)
    assert all(later >= 2 * lead + late for lead, later in pairwise(leads))
    assert sum(leads) < 60, "a point is not kept waiting for minutes"
    assert told == [pytest.approx(1000 + leads[-1], abs=1)], "of the one start that counts"


def test_a_load_of_which_something_was_told_is_not_started_again(make: Make) -> None:
    fleet, channel = make(scripts={FIRST: misses(0.3, 1)})
    muster(fleet)
    one, two = fleet.run(LOAD, 2, 2, HttpGathering)
    assert (one.problem, two.problem) == ("the start is missed", "")
    assert [message["kind"] for message in channel.sent].count("start") == 1


def tells_signs(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
    """A generator that tells its signs before it is done."""
    figures = {"figures": {"dropped": [3, 2, 1]}, "seconds": 2.0, "cost": 1e-4}
    signs = {"kind": "signs", "boot": "b", "network": 7, "contained": True, **figures}
    del agent
    return [{key: message[key] for key in ("v", "agent", "id", "seq")} | signs, message]


def test_signs_are_kept_of_the_last_load(make: Make) -> None:
    fleet, _channel = make(scripts={FIRST: on("done", tells_signs)})
    muster(fleet)
    one, two = fleet.run(LOAD, 2, 2, HttpGathering)
    assert (one.problem, two.problem) == ("", "")
    (signs,) = fleet.signs
    assert (signs.server, signs.figures) == (FIRST, {"dropped": (3, 2, 1)})
    assert fleet.run(LOAD, 1, 2, HttpGathering)[0].problem == ""


def test_a_load_that_is_whole_outlives_the_control_server(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs may come yet, and nobody needs them."""
    fleet, channel = make(scripts={FIRST: on("done", tells_signs)})
    muster(fleet)
    done = 0

    def reports(seconds: float) -> list[bytes]:
        nonlocal done
        if done == 2:
            raise TunnelError("The control server is gone.")
        found = FakeChannel.reports(channel, seconds)
        done += sum(b'"done"' in one for one in found)
        return found

    monkeypatch.setattr(channel, "reports", reports)
    assert [one.problem for one in fleet.run(LOAD, 2, 2, HttpGathering)] == ["", ""]
