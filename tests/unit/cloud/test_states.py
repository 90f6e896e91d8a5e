"""Servers that went down during a load, as Nova tells of them."""

from __future__ import annotations

from typing import Any

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud import states
from kb_tests.cloud.server_list import ListedServer
from kb_tests.cloud.topology import Role, Server

SERVERS = [
    Server(
        name=f"kb-1f2e3d4c-server-{number}",
        id=str(number),
        address="",
        network="n",
        project_id="p",
        role=Role.SERVER,
        host="h",
    )
    for number in range(3)
]


def listed(number: int, **fields: Any) -> ListedServer:
    body = {"id": str(number), "name": SERVERS[number].name, "status": "ACTIVE"} | fields
    return ListedServer.model_validate(body)


def told(monkeypatch: pytest.MonkeyPatch, *found: ListedServer) -> list[str]:
    monkeypatch.setattr(states, "list_servers", lambda *_: iter(found))
    return states.sentences(states.down(None, "1f2e3d4c", SERVERS))  # type: ignore[arg-type]


def test_who_is_off_is_named_with_its_time_and_host(monkeypatch: pytest.MonkeyPatch) -> None:
    off = listed(1, status="SHUTOFF", updated="2026-11-28T06:06:48Z")
    assert told(monkeypatch, listed(0), off, listed(2)) == [
        "Server kb-1f2e3d4c-server-1 is SHUTOFF since 06:06:48 UTC (host h)."
    ]


def test_who_is_deleted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, listed(0), listed(1)) == [
        "Server kb-1f2e3d4c-server-2 is unknown to Nova: it was deleted (host h)."
    ]


def test_where_all_are_active_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, *map(listed, range(3))) == []


@pytest.mark.parametrize("error", [sdk.SDKException("503"), AttributeError("no such thing"), ValueError("?")])
def test_a_cloud_that_does_not_answer_says_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(states, "list_servers", refuse)
    assert states.down(None, "1f2e3d4c", SERVERS) == ()  # type: ignore[arg-type]


def test_a_cloud_of_which_all_is_down_is_told_in_few_lines() -> None:
    many = [states.Down(f"s{number}", "ERROR", "", "") for number in range(100)]
    assert states.sentences(many)[-1] == "95 more servers are not ACTIVE."
