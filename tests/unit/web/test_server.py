"""The process: it ends at once, and hands its token to nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.errors import UiError
from kb_tests.events import sessions
from kb_tests.web.app import Options
from kb_tests.web.server import serve
from tests.unit.web.session import story, write_session

PROGRAM = "import sys; from kb_tests.cli import main; sys.exit(main())"
HELD = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


@contextlib.contextmanager
def serving(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    arguments = ["ui", "--no-open", "--port", "0", "--reports", str(tmp_path)]
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("kb ui: ").strip()
        finally:
            process.kill()


def test_it_ends_at_once_while_streams_are_open(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "state/kb/sessions", "0a0b0c0e", story()[:6])
    holder = subprocess.Popen(
        [sys.executable, "-c", HELD, str(folder / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder, serving(tmp_path) as (process, address):
        assert holder.stdout is not None
        holder.stdout.readline()
        base, _, token = address.partition("/#token=")
        request = urllib.request.Request(f"{base}/api/v1/sessions/0a0b0c0e/events")
        request.add_header("Authorization", f"Bearer {token}")
        with contextlib.ExitStack() as streams:
            for _ in range(3):
                stream = streams.enter_context(urllib.request.urlopen(request, timeout=30))
                assert stream.readline() == b"retry: 1000\n"
            (found,) = (tmp_path / "state/kb").glob("ui-*.json")
            assert stat.S_IMODE(found.stat().st_mode) == 0o600
            assert json.loads(found.read_text())["address"] == address
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        assert list((tmp_path / "state/kb").glob("ui-*")) == []
        holder.kill()


def test_no_command_line_shows_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    page = tmp_path / "ui-1.html"
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(
        "kb_tests.web.server.serve", lambda *_, told, **__: told("http://x/#token=t", "", page)
    )
    from kb_tests import cli

    assert cli.main(["ui"]) == 0
    assert opened == [page.as_uri()]
    assert cli.main(["ui", "--no-open"]) == 0
    assert len(opened) == 1


def test_a_port_that_is_taken_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "root", lambda: tmp_path / "sessions")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UiError, match=str(port)):
            serve(Options(reports=tmp_path), port, viewer=False, told=lambda *_: pytest.fail("it serves"))


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--scenarios", "/nowhere"]])
def test_a_wrong_option_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from kb_tests import cli

    assert cli.main(["ui", *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1
