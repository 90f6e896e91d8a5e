"""Being watched harms nothing: whatever becomes of files and readers, a session ends as it would alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kb_tests.events import sessions
from kb_tests.events.reader import Follower
from tests.functional.session.suite import Suite
from tests.waiting import SESSION, eventually

READERS = 64
RATE = 50
SECONDS = 5


class Session:
    """One of a point of `seconds` at `RATE`, with its state in `state`."""

    def __init__(
        self, suite: Suite, state: Path, options: Sequence[str] = (), seconds: int = SECONDS
    ) -> None:
        self.suite = suite
        self._seconds = seconds
        self.folder = state / "kb" / "sessions"
        self._log = suite.folder / "log"
        scenario = suite.scenario(rates=f"[{RATE}]", duration=f"{seconds}s", sla="{errors: 50%}")
        command = suite.command("--kb-cloud", suite.running.cloud, "--kb-scenario", scenario, *options)
        self._environment = suite.environment() | {"XDG_STATE_HOME": str(state)}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=suite.folder, env=self._environment, stdout=log, stderr=log
            )

    def wait_for_second(self) -> sessions.Session:
        """Until it tells of a second, as far as it can."""

        def told() -> bool:
            assert self.process.poll() is None, self._log.read_text()
            found = sessions.every(self.folder)
            return bool(found) and any(b'"second"' in path.read_bytes() for path in found[0].files())

        eventually(told, what=self._log.read_text)
        return sessions.every(self.folder)[0]

    def watch(self, sid: str) -> subprocess.Popen[bytes]:
        """Another process that follows it."""
        kb = str(Path(sys.executable).with_name("kb"))
        nothing = subprocess.DEVNULL
        return subprocess.Popen([kb, "watch", sid], env=self._environment, stdout=nothing, stderr=nothing)

    def assert_unharmed(self) -> None:
        """Exit code, record and what was done are those of a session that nobody watches."""
        assert self.process.wait(SESSION) == 0, self._log.read_text()
        (record,) = self.suite.take_records().values()
        assert record["exit_code"] == 0
        assert not record["problems"]
        (point,) = record["points"]
        assert point["verdict"]["outcome"] == "pass"
        assert point["measurement"]["counts"]["completed"] == RATE * self._seconds
        assert self.suite.left() == []


@contextmanager
def full_disk(state: Path) -> Iterator[Path]:
    """A state folder in which sessions have room for no more than a few lines."""
    folder = state / "kb" / "sessions"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        (folder / "taken").write_bytes(b"x" * (48 << 10))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def following(session: sessions.Session) -> Iterator[list[int]]:
    """`READERS` readers of it at once; the number of lines that each has read in the end."""
    ended = threading.Event()
    read = [0] * READERS

    def follow(number: int) -> None:
        follower = Follower(session)
        while not ended.wait(0.25):
            read[number] += len(follower.poll())
        read[number] += len(list(follower.rest()))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield read
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.root_only("a file system that is full")
def test_a_full_disk_costs_nothing_but_events(suite: Suite) -> None:
    state = suite.folder / "full"
    with full_disk(state) as folder:
        session = Session(suite, state)
        eventually(lambda: len(sessions.every(folder)) == 1)
        session.assert_unharmed()
        [told] = sessions.every(folder)
        lines = list(Follower(told).rest())
        assert lines, "what had room can be read"
        assert shutil.disk_usage(folder).free < 8 << 10


@pytest.mark.nightly
def test_readers_that_are_many_slow_or_stopped_cost_nothing(suite: Suite) -> None:
    state = suite.folder / "state"
    session = Session(suite, state)
    told = session.wait_for_second()
    with ExitStack() as stack:
        slow = session.watch(told.sid)
        stack.callback(slow.wait)
        stack.callback(slow.kill)
        os.kill(slow.pid, signal.SIGSTOP)
        stack.callback(os.kill, slow.pid, signal.SIGCONT)
        read = stack.enter_context(following(told))
        session.assert_unharmed()
    assert len(set(read)) == 1, "they have all read the same"
    assert read[0] > SECONDS


@pytest.mark.nightly
def test_a_folder_that_is_gone_costs_nothing(suite: Suite) -> None:
    session = Session(suite, suite.folder / "state")
    shutil.rmtree(session.wait_for_second().folder)
    session.assert_unharmed()
