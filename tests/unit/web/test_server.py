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
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.commands.ui import what_to_do
from kb_tests.errors import UiError
from kb_tests.events import sessions
from kb_tests.web import child
from kb_tests.web.app import Options
from kb_tests.web.server import listen_at, serve
from tests.unit.web.session import story, write_session
from tests.waiting import PATIENCE, eventually

PROGRAM = "import sys; from kb_tests.cli import main; sys.exit(main())"
HELD = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


@contextlib.contextmanager
def serving(tmp_path: Path, *more: str, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    arguments = ["ui", "--no-open", "--port", "0", "--reports", str(tmp_path), *more]
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("kb ui: ").strip()
        finally:
            process.kill()


def test_somebody_new_is_told_what_to_do_with_the_address(tmp_path: Path) -> None:
    address = "http://127.0.0.1:8765/#token=x"
    here = list(what_to_do(address, None, remote=False))
    assert here == ["Open that address in a browser on this machine.", "Ctrl-C ends kb ui, and no run."]
    assert "ssh -L 8765:127.0.0.1:8765 " in next(iter(what_to_do(address, None, remote=True)))
    socket = tmp_path / "ui.sock"
    assert f"ssh -L 8765:{socket} " in next(iter(what_to_do(address, socket, remote=False)))
    with serving(tmp_path, "--viewer") as (process, _):
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        assert said[0].startswith("to look only: http://127.0.0.1:")
        assert said[2] == here[1] + "\n"


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
                stream = streams.enter_context(urllib.request.urlopen(request, timeout=PATIENCE))
                assert stream.readline() == b"retry: 1000\n"
            (found,) = (tmp_path / "state/kb").glob("ui-*.json")
            assert stat.S_IMODE(found.stat().st_mode) == 0o600
            assert json.loads(found.read_text())["address"] == address
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        assert list((tmp_path / "state/kb").glob("ui-*")) == []
        holder.kill()


def test_it_ends_with_its_terminal(tmp_path: Path) -> None:
    """Such as that of the ssh which forwards its port; under nohup, as this test may run, it would stay."""
    heard = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    with serving(tmp_path, before=heard) as (process, _):
        assert list((tmp_path / "state/kb").glob("ui-*"))
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE) == 0
    assert list((tmp_path / "state/kb").glob("ui-*")) == []


def test_it_waits_for_no_cloud_when_it_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v3"
        cloud = {"auth": {"auth_url": url, "username": "u", "password": "p", "project_name": "p"}}
        (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"silent": cloud}}))
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
        with serving(tmp_path) as (process, address):
            place, _, token = address.removeprefix("http://").partition("/#token=")
            with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) as asking:
                head = f"GET /api/v1/clouds/silent HTTP/1.1\r\nHost: {place}\r\n"
                asking.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
                with silent.accept()[0] as asked:
                    assert asked.recv(1)
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(45) == 0


def test_told_to_end_before_it_serves_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_ending", threading.Event())  # it stays set: a process has one UI
    monkeypatch.setattr(sessions, "root", lambda: tmp_path / "sessions")
    kept = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        serve(Options(reports=tmp_path), 0, viewer=False, told=lambda *_: signal.raise_signal(signal.SIGTERM))
    finally:
        for number, handler in kept:
            signal.signal(number, handler)


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


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--scenarios", "/root/at/all"]])
def test_a_wrong_option_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from kb_tests import cli

    assert cli.main(["ui", *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name leaves room: a socket's path has 107 characters at most."""
    with tempfile.TemporaryDirectory(prefix="kb-", dir="/tmp") as name:
        yield Path(name)


def test_a_socket_is_for_its_user_alone(tmp_path: Path, short: Path) -> None:
    path = short / "run" / "ui.sock"
    for _ in range(2):  # the second one finds what the first one left when it was killed
        with serving(tmp_path, "--socket", str(path)) as (process, address):
            assert address.startswith("http://127.0.0.1:8765/#token=")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
                asking.settimeout(PATIENCE)
                asking.connect(str(path))
                asking.sendall(b"GET /api/v1/healthz HTTP/1.1\r\nHost: localhost:8765\r\n\r\n")
                assert asking.recv(100).startswith(b"HTTP/1.1 204")
            with pytest.raises(UiError, match="in use"):
                listen_at(path)
            process.kill()
            process.wait(PATIENCE)
    with serving(tmp_path, "--socket", str(path)) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert not path.exists()


def test_a_socket_in_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(UiError, match="open to others"):
        listen_at(tmp_path / "ui.sock")
    tmp_path.chmod(0o700)
    (tmp_path / "file").touch()
    with pytest.raises(UiError, match="no socket"):
        listen_at(tmp_path / "file")
    assert (tmp_path / "file").exists()


SLOW = (
    "import kb_tests.web.protocol as p, kb_tests.web.guard as g; p.Impatient.seconds = g.BODY_SECONDS = 0.5; "
)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: local", id="half a header", marks=pytest.mark.nightly),
        pytest.param(
            b"GET /api/v1/healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /",
            id="half of a second one",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            b"POST /api/v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: 9\r\n\r\n{",
            id="half a body",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_whoever_does_not_finish_is_not_waited_for(tmp_path: Path, sent: bytes) -> None:
    with serving(tmp_path, before=SLOW) as (_, address):
        base, _, token = address.partition("/#token=")
        with socket.create_connection(
            ("127.0.0.1", int(base.rpartition(":")[2])), timeout=PATIENCE
        ) as asking:
            asking.sendall(sent.replace(b"%s", token.encode()))
            answer = b""
            with contextlib.suppress(ConnectionError):
                while part := asking.recv(65536):
                    answer += part
        if b"checks" in sent:
            assert b" 408 " in answer.splitlines()[0]


@pytest.mark.nightly
def test_many_slow_ones_keep_nobody_out(tmp_path: Path) -> None:
    with serving(tmp_path, before=SLOW) as (_, address), contextlib.ExitStack() as stack:
        base = address.partition("/#")[0]
        for _ in range(300):
            asking = stack.enter_context(
                socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=PATIENCE)
            )
            asking.sendall(b"GET / HTTP/1.1\r\nHost: loc")

        def answers() -> bool:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{base}/", timeout=PATIENCE) as page:
                return bool(page.status == 200)
            return False

        eventually(answers)
