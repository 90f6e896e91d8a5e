"""Session folders: private, found again, alive while their lock is held, pruned."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from kb_tests.events import lines, sessions
from kb_tests.events.model import Log
from kb_tests.events.reader import Follower


def test_a_session_is_found_and_alive_until_it_closes(tmp_path: Path) -> None:
    opened = sessions.open_session(["pytest", "kb_tests"], about={"clouds": ["a"]}, folder=tmp_path)
    assert opened is not None
    [found] = sessions.every(tmp_path)
    assert found.alive
    assert found.info is not None
    assert (found.info.sid, found.info.pid, found.info.clouds) == (opened.sid, os.getpid(), ("a",))
    assert stat.S_IMODE(opened.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((opened.folder / "session.json").stat().st_mode) == 0o600
    opened.close()
    assert not found.alive


def test_a_session_whose_process_was_killed_does_not_live(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from kb_tests.events import sessions;"
        "kept = sessions.open_session([], about={}, folder=Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    [found] = sessions.every(tmp_path)
    assert not found.alive
    assert found.info is not None


def test_where_no_folder_can_be_made_there_is_no_session_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert sessions.open_session([], about={}, folder=tmp_path / "file" / "sessions") is None


def test_old_sessions_go_and_living_ones_stay(tmp_path: Path) -> None:
    living = sessions.open_session([], about={}, folder=tmp_path)
    assert living is not None
    for number in range(5):
        (tmp_path / f"0000000{number}").mkdir()
        os.utime(tmp_path / f"0000000{number}", (number, number))
    os.utime(living.folder, (0, 0))
    sessions.prune(tmp_path, keep=2, seconds=1e12)
    assert {session.sid for session in sessions.every(tmp_path)} == {"00000003", "00000004", living.sid}
    sessions.prune(tmp_path, keep=100, seconds=1.0)
    assert [session.sid for session in sessions.every(tmp_path)] == [living.sid]


def test_the_way_past_a_bastion_is_not_shown() -> None:
    shown = sessions.without_secrets(
        ["pytest", "--kb-ssh-proxy-command", "nc -p secret", "--kb-ssh-proxy-command=ssh x", "-x"]
    )
    assert [*shown] == ["pytest", "--kb-ssh-proxy-command", "...", "--kb-ssh-proxy-command=...", "-x"]


def test_files_are_followed_as_one_stream_by_time(tmp_path: Path) -> None:
    folder = tmp_path / "00000001"
    folder.mkdir()
    follower = Follower(sessions.Session(folder))
    assert follower.poll() == []
    main, worker = folder / "main.ndjson", folder / "gw0.ndjson"
    first, second = lines.encode(0, 1.0, Log(text="a")), lines.encode(1, 3.0, Log(text="c"))
    main.write_bytes(first + second[:10])
    worker.write_bytes(lines.encode(0, 2.0, Log(text="b")))
    (folder / "stdout.log").write_text("nothing of an event")
    assert [(read.process, read.line.event) for read in follower.poll()] == [
        ("main", Log(text="a")),
        ("gw0", Log(text="b")),
    ]
    assert follower.poll() == []
    with main.open("ab") as file:
        file.write(
            second[10:]
            + b"garbage\n"
            + b"x" * (lines.LONGEST + 10)
            + b"\n"
            + lines.encode(2, 4.0, Log(text="d"))
        )
    texts = [read.line.event for read in follower.rest()]
    assert texts == [Log(text="c"), Log(text="d")]
    assert follower.skipped == 2
