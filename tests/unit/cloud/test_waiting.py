"""How often Nova is asked while servers are built, and what is noticed all the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.cloud import waiting
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.patience import USUAL
from kb_tests.cloud.projects import Project
from kb_tests.cloud.servers import Group
from kb_tests.cloud.topology import Role
from kb_tests.cloud.waiting import Waiting
from kb_tests.errors import StagingError

BEFORE = 8.0
"""Seconds that staging took until servers were asked for."""


class Clock:
    """Time passes by waiting alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def is_set(self) -> bool:
        return False


class Nova:
    """Servers that become what `fate` says at the second that `done` says."""

    def __init__(self, clock: Clock, done: Callable[[int], float], fate: Callable[[int], str]) -> None:
        self.clock, self.done, self.fate = clock, done, fate
        self.there = {number: f"id-{number}" for number in range(101)}
        self.asked: Counter[str] = Counter()

    def status(self, number: int) -> str:
        return self.fate(number) if self.clock.now >= self.done(number) else "BUILD"

    def get(self, path: str, params: dict[str, str]) -> Any:
        self.asked[path] += 1
        servers = [
            {
                "id": id_,
                "name": f"kb-01234567-s-{number}",
                "status": self.status(number),
                "addresses": {"n": [{"addr": f"10.0.0.{number}", "version": 4}]},
            }
            for number, id_ in self.there.items()
            if params.get("status") in (None, self.status(number))
        ]
        if path == "/servers":
            servers = [{key: server[key] for key in ("id", "name")} for server in servers]
        return SimpleNamespace(status_code=200, content=json.dumps({"servers": servers}).encode())

    def delete_server(self, id_: str) -> None:
        del self.there[int(id_.removeprefix("id-"))]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def wait_for(nova: Nova, until: float = 10_000.0) -> tuple[Waiting, dict[str, Any]]:
    made: list[str] = []

    def create(suffix: str, count: int) -> None:
        assert count == 1
        number = int(suffix.removeprefix("s-"))
        made.append(suffix)
        nova.there[number] = f"id-{number}-again"
        booted = nova.clock.now + 10
        nova.done, nova.fate = lambda _: booted, lambda _: "ACTIVE"

    project = cast("Project", SimpleNamespace(id=SimpleNamespace(value="p")))
    names = tuple(f"kb-01234567-s-{number}" for number in range(101))
    group = Group(Role.SERVER, "net", project, names, create)
    cloud = SimpleNamespace(name="c", is_admin=True, patience=USUAL, connection=SimpleNamespace(compute=nova))
    builder = SimpleNamespace(
        cloud=cloud,
        journal=SimpleNamespace(run_id="01234567"),
        stop=nova.clock,
        until=until,
        call=lambda doing, call: call(),
    )
    being = Waiting(cast("Builder", builder), [group], since=nova.clock.now - BEFORE)
    return being, being.run(lambda phase, done, total: None)


@pytest.mark.parametrize(("seconds", "looks"), [(3.0, 4), (30.0, 8), (224.0, 12), (900.0, 20)])
def test_the_dear_list_is_asked_once_and_the_cheap_one_seldom(
    clock: Clock, seconds: float, looks: int
) -> None:
    nova = Nova(clock, lambda number: seconds * (number + 1) / 101, lambda _: "ACTIVE")
    _, ready = wait_for(nova)
    assert len(ready) == 101
    assert nova.asked["/servers/detail"] == 1
    assert nova.asked["/servers"] <= looks
    assert clock.now <= 1.1 * seconds + 2.0


def test_those_that_are_all_ready_at_once_are_seen_at_once(clock: Clock) -> None:
    nova = Nova(clock, lambda _: 40.0, lambda _: "ACTIVE")
    wait_for(nova)
    assert clock.now <= 40.0 + 0.5 * (40.0 + BEFORE)
    assert nova.asked["/servers/detail"] == 1


def test_one_in_error_is_made_anew_long_before_the_others_are_ready(clock: Clock) -> None:
    nova = Nova(
        clock, lambda number: 20.0 if number == 7 else 400.0, lambda n: "ERROR" if n == 7 else "ACTIVE"
    )
    being, ready = wait_for(nova)
    assert being.replaced == ["kb-01234567-s-7"]
    assert len(ready) == 101
    assert clock.now < 150.0, "it was not noticed before the others were ready"


def test_many_in_error_end_it_without_waiting_for_the_rest(clock: Clock) -> None:
    nova = Nova(clock, lambda number: 5.0 if number < 50 else 4000.0, lambda _: "ERROR")
    with pytest.raises(StagingError, match="50 of 101 servers went to ERROR"):
        wait_for(nova)
    assert clock.now < 30.0


@pytest.mark.parametrize("status", ["SHUTOFF", "ACTIVE without address"])
def test_what_is_built_but_never_ready_is_not_asked_for_without_end(clock: Clock, status: str) -> None:
    nova = Nova(clock, lambda _: 1.0, lambda number: status if number == 3 else "ACTIVE")
    with pytest.raises(StagingError, match=r"1 of 101 servers are not ready after .* s: kb-01234567-s-3 "):
        wait_for(nova, until=600.0)
    assert nova.asked["/servers/detail"] < 60
