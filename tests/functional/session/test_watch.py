"""Following a session from another process: serial, under xdist, killed, and with nowhere to write."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events import lines, sessions
from tests.functional.session.suite import Suite
from tests.functional.storage.sessions import scenario as storage
from tests.waiting import SESSION, eventually

SLA = "{errors: 50%}"
SCHEMA = [each for each in lines.schema()["$defs"].values() if "v" in each["properties"]]


class Watched:
    """A session under way, and its events as `kb watch --json` shows them."""

    def __init__(self, suite: Suite, *arguments: str, state: Path | None = None) -> None:
        self._environment = suite.environment() | {"XDG_STATE_HOME": str(state or suite.folder / "state")}
        self._suite = suite
        self._log = suite.folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                suite.command("--kb-cloud", suite.running.cloud, *arguments),
                cwd=suite.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def watch(self, *arguments: str) -> list[dict[str, Any]]:
        """All of it, until its end."""
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("kb")), "watch", "--json", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SESSION,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        events = [json.loads(line) for line in ran.stdout.splitlines()]
        for event in events:
            assert_as_published(event)
        return events

    def sessions(self) -> list[sessions.Session]:
        return sessions.every(Path(self._environment["XDG_STATE_HOME"]) / "kb" / "sessions")

    def wait_for_session(self) -> None:
        eventually(lambda: self.sessions() or self.process.poll() is not None, what=self._log.read_text)
        assert self.process.poll() is None, self._log.read_text()

    @property
    def output(self) -> str:
        return self._log.read_text()

    def end(self) -> int:
        return self.process.wait(SESSION)


@pytest.fixture
def start(suite: Suite) -> Iterator[Any]:
    started: list[Watched] = []

    def begin(*arguments: str, **options: Any) -> Watched:
        started.append(Watched(suite, *arguments, **options))
        return started[-1]

    yield begin
    for watched in started:
        if watched.process.poll() is None:
            os.killpg(watched.process.pid, signal.SIGKILL)
            watched.process.wait()


def assert_as_published(event: dict[str, Any]) -> None:
    """A line has what `kb schema events` says of its kind, and nothing else."""
    [known] = [each for each in SCHEMA if each["properties"].get("kind", {}).get("const") == event["kind"]]
    told = event.keys() - ({"process"} - known["properties"].keys())
    assert set(known["required"]) <= told <= known["properties"].keys()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(event["kind"] for event in events))


@pytest.mark.parametrize(
    "processes",
    [(), pytest.param(("-n", "2"), marks=pytest.mark.nightly)],
    ids=["serial", "xdist"],
)
def test_a_session_is_followed_from_its_beginning_to_its_exit_code(
    suite: Suite, start: Any, processes: tuple[str, ...]
) -> None:
    sla = "{errors: 50%, latency: {p50: 20s}}"
    watched = start("--kb-scenario", suite.scenario(duration="6s", sla=sla), *processes)
    watched.wait_for_session()
    events = watched.watch()
    code = watched.end()
    assert code == 0
    shown = re.search(r"small-clients-1-rate-50: (warm-up|1/6s), \d+ requests/s", watched.output)
    assert shown, watched.output
    order = [
        kind
        for kind in kinds(events)
        if kind in ("staged", "point_started", "second", "look", "point", "teardown")
    ]
    assert order == ["staged", "point_started", "second", "look", "point", "teardown"]
    assert events[-1] | {"t": 0, "n": 0} == {
        "v": 1,
        "n": 0,
        "t": 0,
        "kind": "end",
        "exit_code": code,
        "process": "main",
    }
    writers = {event["process"] for event in events if event["kind"] == "second"}
    assert writers <= ({"gw0", "gw1"} if processes else {"main"})
    for process in {event["process"] for event in events}:
        numbers = [event["n"] for event in events if event["process"] == process]
        assert numbers == list(range(len(numbers)))
    states = [(event["state"], len(event["names"])) for event in events if event["kind"] == "server"]
    assert ("building", 3) in states
    assert sum(number for state, number in states if state == "booting") == 3
    assert sum(number for state, number in states if state == "ready") == 2  # the proxy has no agent
    assert all(set(event.get("slower", {})) <= {"latency p50"} for event in events)
    # What is shown of the seconds is what the record counts.
    window = [event for event in events if event["kind"] == "second" and 0 <= event["index"] < 6]
    seconds = suite.take_records()[suite.running.cloud]["points"][0]["measurement"]["seconds"]
    recorded = {int(at): done for at, done in zip(seconds["at"], seconds["completed"], strict=True)}
    assert {event["index"]: event["completed"] for event in window} == {
        index: count for index, count in recorded.items() if 0 <= index < 6
    }
    # The same again, from the files alone.
    assert watched.watch() == events


@pytest.mark.root_only("loop devices")
@pytest.mark.nightly
def test_seconds_of_storage_are_told_too(suite: Suite, start: Any) -> None:
    watched = start("--kb-scenario", storage(suite, duration="5s"))
    watched.wait_for_session()
    seconds = [event for event in watched.watch() if event["kind"] == "second"]
    assert watched.end() in (0, 10, 11)  # what came out is not what this is about
    # How many there are, and what was done in each, is a matter of how busy this machine is.
    assert any(event["index"] >= 0 for event in seconds)
    assert all(event["agents"] == event["expected"] == 1 for event in seconds)
    assert sum(event["completed"] for event in seconds) > 0
    assert any(event["cpu"] > 0 for event in seconds)
    assert all(event["lag"] >= 0 and event["cpu"] >= 0 and len(event["hosts"]) == 1 for event in seconds)


def test_what_was_written_before_everything_was_killed_can_be_read(suite: Suite, start: Any) -> None:
    watched = start("--kb-scenario", suite.scenario(duration="30s", sla=SLA))
    watched.wait_for_session()
    [session] = watched.sessions()
    eventually(lambda: any(b'"second"' in path.read_bytes() for path in session.files()))
    os.killpg(watched.process.pid, signal.SIGKILL)
    watched.process.wait()
    events = watched.watch(session.sid)
    assert kinds(events)[-1] == "second"
    assert not session.alive


@pytest.mark.nightly
def test_a_session_that_has_nowhere_to_tell_runs_as_any_other(suite: Suite, start: Any) -> None:
    state = suite.folder / "elsewhere"
    (state / "kb").mkdir(parents=True)
    (state / "kb" / "sessions").write_text("a file where the folder should be")
    watched = start("--kb-scenario", suite.scenario(duration="6s", sla=SLA), state=state)
    assert watched.end() == 0
    assert suite.take_records()[suite.running.cloud]["exit_code"] == 0
