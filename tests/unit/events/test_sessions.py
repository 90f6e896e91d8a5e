"""Session folders: private, found again, alive while their lock is held, pruned."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kb_tests.events import lines, markers, sessions
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


def test_two_sessions_that_were_given_one_id_can_both_be_followed(tmp_path: Path) -> None:
    """As where a shell exports it."""
    first = sessions.open_session([], about={}, folder=tmp_path, sid="0123abcd")
    second = sessions.open_session([], about={}, folder=tmp_path, sid="0123abcd")
    assert first is not None
    assert second is not None
    assert first.sid == "0123abcd" != second.sid
    first.close()
    assert not sessions.Session(first.folder).alive
    third = sessions.open_session([], about={}, folder=tmp_path, sid="0123abcd")
    assert third is not None
    assert third.sid != "0123abcd", "that one has ended: its files stay as they are"
    assert not sessions.Session(first.folder).alive
    assert sessions.Session(third.folder).alive


def test_who_asks_whether_a_session_lives_does_not_keep_it_from_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0123abcd").mkdir()
    flock = fcntl.flock
    asked: list[int] = []

    def asked_meanwhile(fd: int, how: int) -> None:
        if how & fcntl.LOCK_EX and not asked:
            asked.append(os.open(tmp_path / "0123abcd", os.O_RDONLY))
            with suppress(OSError):
                asked.append(os.open(tmp_path / "0123abcd" / "lock", os.O_RDONLY))
                flock(asked[-1], fcntl.LOCK_SH | fcntl.LOCK_NB)
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", asked_meanwhile)
    opened = sessions.open_session([], about={}, folder=tmp_path, sid="0123abcd")
    for fd in asked:
        os.close(fd)
    assert opened is not None
    assert opened.sid == "0123abcd"
    assert sorted(path.name for path in opened.folder.iterdir()) == ["lock", "session.json"]


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


def put_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def put_folder(path: Path) -> None:
    path.mkdir()


def put_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("name", ["main.ndjson", "lock", "session.json", "mark-01234567.ndjson"])
@pytest.mark.parametrize("put", [put_pipe, put_endless, put_folder, put_loop])
def test_what_is_no_ordinary_file_holds_up_no_reader(
    name: str, put: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "0123abcd"
    folder.mkdir()
    put(folder / name)
    (folder / "gw0.ndjson").write_bytes(lines.encode(0, 1.0, Log(text="a")))
    found = sessions.Session(folder)
    assert [read.line.event for read in Follower(found).rest()] == [Log(text="a")]
    assert not found.alive
    assert found.info is None
    assert markers.noted(folder) == []
    sessions.prune(tmp_path, keep=0)
    assert not folder.exists()


def test_a_folder_behind_a_link_is_not_removed_nor_used(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir(mode=0o755)
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "0123abcd").symlink_to(tmp_path / "precious")
    sessions.prune(tmp_path / "sessions", keep=0)
    opened = sessions.open_session([], about={}, folder=tmp_path / "sessions", sid="0123abcd")
    assert opened is not None
    assert [path.name for path in (tmp_path / "precious").iterdir()] == ["file"]


@pytest.mark.root_only("folders of other users")
def test_the_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "sessions"
    theirs.mkdir()
    theirs.chmod(0o755)
    os.chown(theirs, 12345, 12345)
    assert sessions.open_session([], about={}, folder=theirs) is None
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755
    assert list(theirs.iterdir()) == []


def test_a_clock_that_jumps_leaves_each_file_in_its_order(tmp_path: Path) -> None:
    folder = tmp_path / "0123abcd"
    folder.mkdir()
    for name, times in {"main": (100.0, 50.0, 60.0, 1e10, 1.0), "gw0": (55.0, 54.0, 200.0)}.items():
        text = b"".join(lines.encode(n, t, Log(text=name)) for n, t in enumerate(times))
        (folder / f"{name}.ndjson").write_bytes(text)
    found = list(Follower(sessions.Session(folder)).rest())
    for name, count in {"main": 5, "gw0": 3}.items():
        assert [read.line.n for read in found if read.process == name] == list(range(count))
