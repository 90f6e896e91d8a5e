"""The tests' own waits end when they should."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import waiting
from tests.waiting import eventually, eventually_async, is_gone, least, listens, tried


def test_the_first_true_value_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_OFTEN", 0.0)
    values: Iterator[object] = iter([0, None, [], 7, 8])
    assert eventually(lambda: next(values)) == 7


def test_what_never_comes_is_said_with_how_things_stand() -> None:
    with pytest.raises(AssertionError, match=r"in 0 s \(now \[\]\): the log"):
        eventually(list, 0, lambda: "the log")

    async def never() -> bool:
        return False

    with pytest.raises(AssertionError, match=r"in 0 s \(now False\): sunrise"):
        asyncio.run(eventually_async(never, 0, "sunrise"))


def test_what_the_condition_raises_goes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 // 0)


def test_of_times_that_are_too_long_the_least_of_some_is_taken() -> None:
    times = iter([3.0, 2.0, 0.5, 0.1])
    assert least(lambda: next(times), below=1.0) == 0.5
    assert next(times) == 0.1, "it looks no further"
    times = iter([3.0, 2.0, 2.5, 9.0])
    assert least(lambda: next(times), below=1.0, tries=3) == 2.0


def test_a_test_about_time_passes_if_one_of_its_tries_does() -> None:
    seconds = iter([3.0, 2.0, 0.5, 3.0, 2.0, 1.0])

    @tried(3)
    def is_quick() -> None:
        assert next(seconds) < 1

    is_quick()
    with pytest.raises(AssertionError):
        is_quick()
    assert list(seconds) == []


def test_a_port_listens_or_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(port)
    assert not listens(port)


def test_a_process_is_gone_before_anybody_waited_for_it() -> None:
    assert not is_gone(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    eventually(lambda: is_gone(child.pid))
    assert child.returncode is None
    child.wait()
    assert is_gone(child.pid)
