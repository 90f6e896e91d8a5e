"""Whom a guard ends when its session was killed: its own hooks, and nobody else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from kb_tests.session.hook_guard import Guard
from tests.waiting import eventually

WAITS = [sys.executable, "-I", "-S", "-c", "import sys; print(flush=True); sys.stdin.read()"]


class Daemons:
    """Processes in sessions of their own, of which no guard was told."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            WAITS,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process


@pytest.fixture
def daemons() -> Iterator[Daemons]:
    made = Daemons()
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def test_it_knows_its_own_hooks_and_none_that_an_earlier_guard_of_its_number_left(daemons: Daemons) -> None:
    guard, another = Guard(), Guard()
    earlier = daemons.start({"KB_HOOK_GUARD": str(guard._process.pid)})
    own = daemons.start(guard.mark)
    other = daemons.start(another.mark)
    assert guard._process.stdin is not None
    guard._process.stdin.close()  # as of a session that was killed before it could tell of a hook
    eventually(lambda: own.poll() is not None)
    assert guard.wait() == 0
    assert (earlier.poll(), other.poll()) == (None, None)
    another.release()
    assert other.poll() is None  # its point was over
