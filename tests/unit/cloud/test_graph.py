from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.cloud import graph as graph_module
from kb_tests.cloud.graph import Graph, Step, known
from tests.waiting import PATIENCE


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.integers(0, 30), max_size=3), min_size=1, max_size=30), st.integers(1, 6))
def test_every_step_runs_once_and_after_what_it_needs(needs: list[set[int]], concurrency: int) -> None:
    graph = Graph()
    order: list[int] = []
    running: list[int] = [0, 0]
    lock = threading.Lock()
    steps: list[Step[int]] = []

    def action(number: int) -> Callable[[], int]:
        def work() -> int:
            with lock:
                running[0] += 1
                running[1] = max(running)
                order.append(number)
            with lock:
                running[0] -= 1
            return number

        return work

    for number, wanted in enumerate(needs):
        steps.append(graph.add(str(number), action(number), [steps[n] for n in wanted if n < number]))
    seen: list[tuple[int, int]] = []
    graph.run(concurrency, threading.Event(), lambda phase, done, total: seen.append((done, total)))
    assert sorted(order) == list(range(len(needs)))
    assert [step.value for step in steps] == list(range(len(needs)))
    assert running[1] <= concurrency
    assert seen == [(done, len(needs)) for done in range(1, len(needs) + 1)]
    for number, wanted in enumerate(needs):
        assert all(order.index(n) < order.index(number) for n in wanted if n < number)


def test_concurrency_is_used_and_bounded() -> None:
    graph = Graph()
    together = threading.Barrier(4, timeout=PATIENCE)
    for number in range(8):
        graph.add(str(number), lambda: together.wait() and None)
    graph.run(4, threading.Event())


def test_nothing_starts_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while nobody has seen it yet."""
    monkeypatch.setattr(graph_module, "wait", lambda steps, **_: wait(steps))
    graph, stop = Graph(), threading.Event()
    ran: list[str] = []

    def fail() -> None:
        raise ValueError("first")

    first = graph.add("first", fail)
    graph.add("dependent", lambda: ran.append("dependent"), [first])
    for number in range(50):
        graph.add(str(number), lambda number=number: ran.append(number))  # type: ignore[misc]
    with pytest.raises(ValueError, match="first"):
        graph.run(1, stop)
    assert stop.is_set()
    assert ran == []


def test_nothing_starts_once_stopped() -> None:
    graph, stop = Graph(), threading.Event()
    ran: list[int] = []

    def work() -> None:
        ran.append(1)
        stop.set()

    first = graph.add("first", work)
    graph.add("second", work, [first])
    graph.run(2, stop)
    assert ran == [1]


def test_an_interrupt_waits_for_what_is_under_way() -> None:
    graph, stop = Graph(), threading.Event()
    began = threading.Event()
    ended: list[str] = []

    def slow() -> None:
        began.set()
        assert stop.wait(PATIENCE)
        ended.append("slow")

    quick = graph.add("quick", lambda: began.wait(PATIENCE))
    graph.add("slow", slow)
    graph.add("never", lambda: ended.append("never"), [quick])

    def progress(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graph.run(2, stop, progress)
    assert ended == ["slow"]


def test_a_value_before_its_time_is_a_mistake() -> None:
    step = Graph().add("later", lambda: 1)
    with pytest.raises(RuntimeError, match="later"):
        _ = step.value
    assert known("now", 2).value == 2
