"""The file writer: it keeps the order, counts what it left out, and never raises or blocks."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events import lines
from kb_tests.events.model import Log, Second
from kb_tests.events.writer import FileWriter
from tests.unit.events.test_lines import SECOND
from tests.waiting import eventually


def read(path: Path) -> list[lines.Line]:
    found = [lines.decode(line) for line in path.read_bytes().splitlines()]
    assert None not in found
    return [line for line in found if line is not None]


def second(index: int) -> Second:
    return SECOND.model_copy(update={"index": index})


def test_events_stand_in_the_file_in_their_order_numbered_and_for_their_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "main.ndjson"
    file = FileWriter(path)
    for number in range(100):
        file.handle(Log(text=str(number)))
    file.close()
    found = read(path)
    assert [line.n for line in found] == list(range(100))
    assert [line.event for line in found] == [Log(text=str(number)) for number in range(100)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    file = FileWriter(tmp_path / "nowhere" / "main.ndjson")
    file.handle(Log(text="x"))
    file.close(patience=5)


def test_a_full_disk_leaves_out_seconds_first_and_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, write = [True], os.write

    def limited(fd: int, data: Any) -> int:
        if full[0] and len(data) > 10:
            return write(fd, data[:10])  # as a disk does that has room for a part
        return write(fd, data)

    path = tmp_path / "main.ndjson"
    monkeypatch.setattr(os, "write", limited)
    file = FileWriter(path, again=0.01)
    for index in range(5):
        file.handle(second(index))
    file.handle(Log(text="kept"))
    eventually(lambda: file._dropped == 5)
    full[0] = False
    file.close(patience=5)
    assert [(line.event, line.dropped) for line in read(path)] == [(Log(text="kept"), 5)]


def test_a_disk_that_fails_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "write", fails)
    file = FileWriter(tmp_path / "main.ndjson", waiting=10)
    for number in range(1000):
        file.handle(Log(text=str(number)))
    assert len(file._queue) <= 10
    file.close(patience=5)
    assert not file._thread.is_alive()


def test_where_too_many_wait_seconds_make_room_for_the_rest(tmp_path: Path) -> None:
    file = FileWriter(tmp_path / "main.ndjson", waiting=10)
    with file._wake:  # the thread does not get on meanwhile
        for index in range(10):
            file._queue.append((float(index), second(index)))
    for number in range(5):
        file.handle(Log(text=str(number)))
    file.close(patience=5)
    found = read(tmp_path / "main.ndjson")
    assert [line.event for line in found if isinstance(line.event, Log)] == [
        Log(text=str(n)) for n in range(5)
    ]


def test_a_file_that_has_grown_too_large_takes_no_more_seconds(tmp_path: Path) -> None:
    path = tmp_path / "main.ndjson"
    file = FileWriter(path, largest=1000)
    for index in range(20):
        file.handle(second(index))
    file.handle(Log(text="last"))
    file.close(patience=5)
    found = read(path)
    assert path.stat().st_size < 2000
    assert found[-1].event == Log(text="last")
    assert sum(line.dropped for line in found) + len(found) == 21


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to("/dev/full"), Path.mkdir])
def test_what_is_no_ordinary_file_holds_up_no_writer(put: Callable[[Path], None], tmp_path: Path) -> None:
    put(tmp_path / "main.ndjson")
    file = FileWriter(tmp_path / "main.ndjson")
    file.handle(Log(text="x"))
    file.close(patience=30)
    assert not file._thread.is_alive()


def test_a_line_that_cannot_be_taken_off_again_is_before_the_next_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk is full in the middle of a line, and refuses to shorten the file just then."""
    write, truncate, refused = os.write, os.ftruncate, [3, 3]

    def half(fd: int, data: Any) -> int:
        if refused[0] and len(data) > 10:
            refused[0] -= 1
            return write(fd, data[:10])
        return write(fd, data)

    def refuse(fd: int, size: int) -> None:
        if refused[1]:
            refused[1] -= 1
            raise OSError(errno.EIO, "input/output error")
        truncate(fd, size)

    path = tmp_path / "main.ndjson"
    file = FileWriter(path, again=0.001)
    file.handle(Log(text="before"))
    eventually(lambda: path.exists() and path.read_bytes().endswith(b"\n"))
    monkeypatch.setattr(os, "write", half)
    monkeypatch.setattr(os, "ftruncate", refuse)
    for number in range(3):
        file.handle(Log(text=str(number)))
    eventually(lambda: path.read_bytes().count(b"\n") == 4)
    file.close(patience=30)
    assert [line.event for line in read(path)] == [Log(text=text) for text in ("before", "0", "1", "2")]


def test_what_stands_in_the_file_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write, full = tmp_path / "main.ndjson", os.write, [True]
    path.write_bytes(lines.encode(0, 1.0, Log(text="of another")))

    def half(fd: int, data: Any) -> int:
        return write(fd, data[:10] if full.pop(0) else data) if full else write(fd, data)

    monkeypatch.setattr(os, "write", half)
    file = FileWriter(path, again=0.001)
    file.handle(Log(text="x"))
    eventually(lambda: path.read_bytes().count(b"\n") == 2)
    file.close(patience=30)
    assert [line.event for line in read(path)] == [Log(text="of another"), Log(text="x")]
