"""Stopping a session from the web UI: once, and nobody else's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events.model import Filed, PointsSelected, SelectedPoint, SessionStarted
from kb_tests.web import stopping
from kb_tests.web.app import App, Options
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, ask
from tests.unit.web.session import POINT, RUN, story, write_session

SESSIONS = "/api/v1/sessions"


@pytest.fixture
def app(reports: Path, sessions: Path) -> App:
    return App(Options(reports=reports, sessions=sessions), Tokens(TOKEN))


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes down each interrupt that it gets."""
    program = (  # by os.write, since it may be interrupted in the middle of a print
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: os.write(1, b'int\\n'))\n"
        "os.write(1, b'ready\\n')\n"
        "while True: time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def living(sessions: Path, pid: int, events: Sequence[Filed], at: float) -> Path:
    """A session of process `pid` that began at second `at`, as far as it has come."""
    begun = SessionStarted(process="main", pid=pid, version="1", clouds=(), scenarios=())
    own = write_session(sessions, "0a0b0c0e", [begun, *events])
    first, *rest = (own / "main.ndjson").read_text().splitlines()
    (own / "main.ndjson").write_text("\n".join([json.dumps(json.loads(first) | {"t": at}), *rest, ""]))
    return own


def stop(app: App, **body: str) -> Any:
    return ask(app.asgi, f"{SESSIONS}/0a0b0c0e/stop", method="POST", send=body)


def test_stopping_interrupts_the_session_once(
    app: App, sessions: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    living(sessions, sleeper.pid, story()[1:6], time.time())
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert stop(app, level="leave_to_reaper").status == 409
    assert stop(app).status == 202
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == b"int\n"
    assert stop(app, level="kill").status == 422


@pytest.mark.parametrize("cut", [6, 11])
def test_two_tabs_that_stop_it_do_not_leave_the_rest_to_the_background(
    app: App, sessions: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """Before it says that it stops, and while it removes what it made: a second interrupt would."""
    living(sessions, sleeper.pid, story()[1:cut], time.time())
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    if cut == 6:
        assert "It stops" in stop(app).json["sentence"]
    assert [stop(app).json["sentence"] for _ in range(2)] == ["It is stopping already."] * 2
    sleeper.send_signal(signal.SIGTERM)
    assert sleeper.stdout is not None
    assert sleeper.stdout.read() == b"int\n" * (cut == 6)


def test_between_two_topologies_it_can_be_stopped_and_only_once(
    app: App, sessions: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first was loaded in goes, and points are to come; it may be silent for long after that."""
    points = tuple(
        SelectedPoint(cloud="west-1", id=one, scenario="x", kind="http", clients=4)
        for one in (POINT, "later")
    )
    selected = PointsSelected(points=points, runs={"west-1": RUN})
    own = living(sessions, sleeper.pid, [selected, *story()[2:11]], time.time())
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert ask(app.asgi, f"{SESSIONS}/0a0b0c0e").json["state"] == "running"
    assert "It stops" in stop(app).json["sentence"]
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == b"int\n"
    told = json.loads((own / "audit.log").read_text())
    (own / "audit.log").write_text('{"stop: \n' + json.dumps(told | {"t": told["t"] - 3600}) + "\n")
    assert ask(app.asgi, f"{SESSIONS}/0a0b0c0e").json["state"] == "stopping"
    assert stop(app).json["sentence"] == "It is stopping already."
    assert "background" in stop(app, level="leave_to_reaper").json["sentence"]
    assert sleeper.stdout.readline() == b"int\n"


def test_whoever_has_its_number_now_is_left_alone(
    app: App, sessions: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    living(sessions, sleeper.pid, story()[1:6], time.time() - 3600)
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert stop(app).status == 409


def test_no_process_that_is_none_of_a_session_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pidfd_open", lambda _pid: pytest.fail("it was reached"))
    assert [stopping._interrupt(pid, time.time()) for pid in (0, 1, -1)] == [False, False, False]


def test_a_session_that_ended_is_not_stopped(app: App) -> None:
    assert ask(app.asgi, f"{SESSIONS}/0a0b0c0d/stop", method="POST", send={}).status == 409


def test_a_marker_is_noted_in_a_session_that_runs(
    app: App, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{SESSIONS}/0a0b0c0d/markers"
    assert ask(app.asgi, place, method="POST", send={"text": "pulled a link"}).status == 409
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert ask(app.asgi, place, method="POST", send={"text": " "}).status == 422
    assert ask(app.asgi, place, method="POST", send={"text": "pulled a link"}).status == 201
    (mark,) = (sessions / "0a0b0c0d").glob("mark-*.ndjson")
    assert "pulled a link" in mark.read_text()
