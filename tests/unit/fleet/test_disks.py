from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import pytest

from kb_tests.cloud.progress import silent
from kb_tests.cloud.topology import Role
from kb_tests.errors import AgentsMissingError, FleetError
from kb_tests.fleet.channel import ControlChannel
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.storage.messages import DiskReport, Filling
from tests.unit.fleet.agents import RUN, FakeAgent, FakeChannel, server, topology

SIZE = 64 << 20
TARGET: dict[str, Any] = {"kind": "volume", "size": SIZE}
SECOND = f"kb-{RUN}-storage-1"
STAGED = replace(topology(0), servers=tuple(server(Role.STORAGE, number) for number in range(2)))


def fleet(
    monkeypatch: pytest.MonkeyPatch, scripts: dict[str, Any] | None = None
) -> tuple[Fleet, FakeChannel]:
    channel = FakeChannel(STAGED, scripts)
    monkeypatch.setattr(time, "monotonic", channel.monotonic)
    made = Fleet(STAGED, cast("ControlChannel", channel))
    made._wait_for_agents(silent, 2000.0)
    return made, channel


def only(*kinds: str) -> Any:
    """The script of an agent that says nothing else."""

    def script(agent: FakeAgent, message: dict[str, Any]) -> list[Any]:
        preparing = agent.commands[-1]["kind"] == "disk" if agent.commands else False
        return [message] if not preparing or message["kind"] in kinds else []

    return script


def test_filling_is_told_as_it_goes_on_and_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, channel = fleet(monkeypatch)
    told: list[Filling | DiskReport] = []
    reports = made.prepare_disks(TARGET, told.append)
    assert [(report.bytes, report.seconds) for report in reports] == [(SIZE, 2.0)] * 2
    assert [report.bytes for report in told] == [SIZE // 2, SIZE] * 2
    assert made.prepare_disks(TARGET, told.append) == []
    assert len(told) == 4
    assert sum(command["kind"] == "disk" for command in channel.agents[SECOND].commands) == 1


def test_a_disk_that_is_too_slow_to_fill_is_said_with_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, _ = fleet(monkeypatch, {SECOND: only("filling")})
    with pytest.raises(FleetError, match=f"{SECOND} has failed: it did not end in time: .*32MiB in 1 s"):
        made.prepare_disks(TARGET)


def test_an_agent_that_says_nothing_of_its_disk_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = fleet(monkeypatch, {SECOND: only()})
    with pytest.raises(AgentsMissingError, match=SECOND):
        made.prepare_disks(TARGET)
