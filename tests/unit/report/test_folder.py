"""What cannot be written is said before anything is staged."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kb_tests.errors import RecordError
from kb_tests.report.folder import check_file, check_folder


def test_a_folder_that_takes_files_is_left_as_it_was(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "newer")
    check_file(tmp_path / "new" / "report.html", "HTML report")
    (tmp_path / "old.html").write_text("old")
    check_file(tmp_path / "old.html", "HTML report")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old.html", "old")]


def test_what_takes_no_file_is_found_by_trying() -> None:
    """The permissions of /proc let root write there."""
    with pytest.raises(RecordError, match=r"^No record can be written to /proc/there: /proc takes no file"):
        check_folder(Path("/proc/there"))
    with pytest.raises(
        RecordError, match=r"^No JUnit file can be written to /proc/x.xml: /proc takes no file"
    ):
        check_file(Path("/proc/x.xml"), "JUnit file")


def test_a_file_in_the_way_of_a_folder_and_the_reverse(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="file is no folder"):
        check_folder(tmp_path / "file" / "reports")
    with pytest.raises(RecordError, match="that is a folder"):
        check_file(tmp_path, "HTML report")


def test_a_full_disk_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="No space left on device"):
        check_folder(tmp_path)
