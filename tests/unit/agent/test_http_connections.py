"""The worker's connections in a simulated world: how many there are, and what became of them, is told."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from tests.unit.agent.simulated import EOF, OK, FakeConnection, World, simulate


def links(total: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = total["done"]["connections"]
    return found


def test_all_connections_open_all_the_time() -> None:
    total = simulate(World(lambda _now: ("ok", 0.001)), warm_up=1.0, duration=2.0)
    assert [second["open"] for second in total["seconds"][:3]] == [4, 4, 4]
    assert links(total) == {
        "asked": 4, "open": 4, "least": 4, "reopened": 0, "refused": 0, "unavailable": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "name"), [(errno.ECONNREFUSED, "refused"), (errno.EADDRNOTAVAIL, "unavailable")]
)
def test_connections_that_are_never_there_are_told_although_no_request_misses_them(
    error: int, name: str
) -> None:
    """One connection carries it all; at the port's end, or the server's, nobody waits for the other three."""
    world = World(lambda _now: ("ok", 0.001))
    turns = iter([(0, 0.0001)])
    world.connects = lambda now: next(turns, (errno.ECONNREFUSED if now < 103 else error, 0.0))
    total = simulate(world, rate=50, warm_up=1.0, duration=4.0)
    assert total["completed"] == 200
    found = links(total)
    assert (found["asked"], found["open"], found["least"], found["reopened"]) == (4, 1, 1, 0)
    assert found[name] > 0
    assert [second["open"] for second in total["seconds"][:5]] == [1] * 5


def test_the_fewest_connections_of_a_second_are_told() -> None:
    """Even if all are there again at its end; those of before the window do not count for it."""
    world = World(lambda _now: ("ok", 0.001))
    poll = world.poll
    closed = {100.5: 4, 101.5: 2, 103.5: 1}

    def closing(timeout: float, maximum: int) -> list[tuple[int, int]]:
        for at in [at for at in closed if world.now > at]:
            idle = [one for one in world.connections.values() if not one.connecting and one.block is None]
            for there in idle[: closed.pop(at)]:
                there.coming.append((world.now, EOF))
        return poll(timeout, maximum)

    world.poll = closing  # type: ignore[method-assign]
    total = simulate(world, rate=50, warm_up=1.0, duration=4.0)
    assert [second["open"] for second in total["seconds"][:5]] == [0, 2, 4, 3, 4]
    assert links(total) == {
        "asked": 4, "open": 4, "least": 2, "reopened": 3, "refused": 0, "unavailable": 0,
    }  # fmt: skip


def test_connections_for_one_request_each_are_counted_by_their_failures() -> None:
    world = World(lambda _now: ("ok", 0.001))
    turns = iter(range(1_000_000))
    world.connects = lambda _now: (errno.ECONNREFUSED, 0.0) if next(turns) % 10 == 5 else (0, 0.0001)
    total = simulate(world, keep_alive=False, warm_up=0, duration=2.0)
    found = links(total)
    assert (found["asked"], found["open"], found["least"], found["reopened"]) == (4, 0, 0, 0)
    assert found["refused"] == total["errors"]["connect"] > 10


def test_an_idle_connection_that_the_server_closes_is_replaced() -> None:
    world = World(lambda _now: ("ok", 0.001))
    poll = world.poll
    closed: list[FakeConnection] = []

    def closing(timeout: float, maximum: int) -> list[tuple[int, int]]:
        if world.now > 100.5 and not closed:
            for there in world.connections.values():
                there.coming.append((world.now, EOF))
                closed.append(there)
        return poll(timeout, maximum)

    world.poll = closing  # type: ignore[method-assign]
    total = simulate(world, warm_up=0)
    assert len(closed) == 4
    assert total["completed"] == 200
    assert total["errors"] == {}


def test_unsolicited_bytes_cost_the_connection_only() -> None:
    world = World(lambda _now: ("ok", 0.001))
    poll = world.poll
    done: list[bool] = []

    def talking(timeout: float, maximum: int) -> list[tuple[int, int]]:
        if world.now > 100.5 and not done:
            done.append(True)
            for there in world.connections.values():
                there.coming.append((world.now, OK))
        return poll(timeout, maximum)

    world.poll = talking  # type: ignore[method-assign]
    total = simulate(world, rate=50, warm_up=0)
    assert total["completed"] + sum(total["errors"].values()) == 50
    assert total["completed"] >= 46
