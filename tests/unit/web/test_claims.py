"""Two `kb ui` of one user start one session a cloud, whoever asks first, and whatever becomes of either."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events import sessions as known
from kb_tests.web import claims
from kb_tests.web.app import App, Options
from kb_tests.web.problems import Problem
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, ask
from tests.unit.web.session import story, write_session
from tests.unit.web.test_starting import SESSIONS, Started, own, post, started, wanted

__all__ = ["own", "started"]


@pytest.fixture
def two(reports: Path, sessions: Path) -> tuple[App, App]:
    """Each as in a process of its own: all that they share is the folder."""
    first, second = (App(Options(reports=reports, sessions=sessions), Tokens(TOKEN)) for _ in range(2))
    return first, second


def test_what_another_has_started_and_has_said_nothing_yet_counts(
    two: tuple[App, App], started: Started
) -> None:
    sid = post(two[0], wanted(two[0])).json["sid"]
    found = post(two[1], wanted(two[1]))
    assert (found.status, len(started.commands)) == (409, 1), found.body
    assert sid in found.json["detail"]
    row = ask(two[1].asgi, f"{SESSIONS}/{sid}").json
    assert (row["state"], row["alive"], row["clouds"]) == ("starting", True, [""])
    assert "in a second" in ask(two[1].asgi, f"{SESSIONS}/{sid}/stop", method="POST", send={}).json["remedy"]
    started.code = 4
    assert post(two[1], wanted(two[1])).status == 202


def test_nobody_starts_between_anothers_look_and_its_start(
    two: tuple[App, App], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "PATIENCE", 0.0)
    body = wanted(two[1])
    meanwhile: list[Any] = []
    claim = claims.claim

    def after_the_look(folder: Path, clouds: Iterable[str]) -> int:
        if not meanwhile:
            meanwhile.append(None)
            meanwhile[0] = post(two[1], body)
        return claim(folder, clouds)

    monkeypatch.setattr(claims, "claim", after_the_look)
    assert post(two[0], wanted(two[0])).status == 202
    assert (meanwhile[0].status, len(started.commands)) == (409, 1), meanwhile[0].body


def test_a_start_is_told_of_as_long_as_its_process_lives(tmp_path: Path) -> None:
    """Whoever started it may be gone by then."""
    session = known.Session(tmp_path / "0a0b0c0d")
    session.folder.mkdir()
    assert claims.claimed(session) == ()
    fd = claims.claim(session.folder, ["west", "east"])
    program = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, pass_fds=[fd]) as process:
        os.close(fd)
        assert claims.claimed(session) == ("west", "east")
        process.communicate()
    assert claims.claimed(session) == ()


def test_what_a_session_says_of_itself_counts_from_then_on(tmp_path: Path) -> None:
    session = known.Session(write_session(tmp_path, "0a0b0c0d", story()))
    fd = claims.claim(session.folder, [""])
    assert claims.claimed(session) == ()
    os.close(fd)


@pytest.mark.parametrize("text", ["", "{", '"west"', "[" * 100_000])
def test_what_is_no_claim_claims_nothing(tmp_path: Path, text: str) -> None:
    session = known.Session(tmp_path / "0a0b0c0d")
    session.folder.mkdir()
    fd = claims.claim(session.folder, [])
    (session.folder / "starting").write_text(text)
    assert claims.claimed(session) == ()
    os.close(fd)


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be written to"), claims.turn(tmp_path / "file/sessions"):
        pass
