"""A run's record while the run lives: in memory whole, on the disk a line for each change (`changes`).

The lines are locked for as long as the process that writes them lives. When the run is over they are folded
into the one record; after a crash `fold` does that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
import time
from pathlib import Path

from kb_tests.errors import RecordError
from kb_tests.report import changes
from kb_tests.report.changes import Change
from kb_tests.report.record import RunRecord, load

PATIENCE = 60.0
"""Seconds for which `main` waits for a process that is about to end: one of a session that was killed."""

_LINES = re.compile(rf"[0-9a-f]{{8}}{re.escape(changes.SUFFIX)}")


class Underway:
    """The record of a run that lives, and its files in `folder`."""

    def __init__(self, record: RunRecord, folder: Path) -> None:
        self.record = record
        self.path = folder / f"{record.run}.json"
        self._lines = changes.beside(self.path)
        self._waiting: list[bytes] = []
        self._fd = -1
        self._size = 0
        self._torn = False
        self._over = False

    def change(self, *made: Change) -> None:
        """Make changes to the record; `save` brings them to the disk."""
        for each in made:
            each.apply(self.record)
            self._waiting.append(changes.encode(each))

    def begin(self) -> Path:
        """Write the record as it is now, whole, for whoever looks at it; returns its path.

        Raises RecordError, as `save` and `end` do; what could not be written is tried again by the next of
        them.
        """
        return self.record.write(self.path.parent)

    def save(self) -> Path:
        """Have all changes on the disk; returns the path of the record."""
        if self._over:
            if self._waiting:
                self.record.write(self.path.parent)
                self._waiting.clear()
            return self.path
        try:
            if self._fd < 0 or os.fstat(self._fd).st_nlink == 0:
                self._open()
            elif self._waiting:
                self._append(b"".join(self._waiting))
            self._waiting.clear()
        except (OSError, ValueError) as error:
            raise RecordError(
                f"The record {self._lines} cannot be written: {getattr(error, 'strerror', None) or error}.",
                remedy="Make room, or name another folder.",
            ) from error
        return self.path

    def end(self) -> Path:
        """Fold all into the one record, for good; returns its path."""
        with contextlib.suppress(RecordError):
            self.save()
        path = self.record.write(self.path.parent)
        self._over = True
        self._waiting.clear()
        with contextlib.suppress(OSError):
            self._lines.unlink(missing_ok=True)
        self._close()
        return path

    def discard(self) -> None:
        """Leave nothing of it on the disk: there was no run."""
        self._over = True
        for path in (self._lines, self.path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self._close()

    def _open(self) -> None:
        """A file of lines that begins with the record as it is; one that was there is not added to.

        It has its name only when that line is on the disk and locked, so that nobody takes it for one that
        broke off.
        """
        self._close()
        self._lines.parent.mkdir(parents=True, exist_ok=True)
        new = self._lines.with_name(f".{self._lines.name}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(new, flags, 0o666)
        self._size, self._torn = 0, False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._append(self.record.model_dump_json().encode("utf-8", "replace") + b"\n")
            new.replace(self._lines)
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                new.unlink()
            self._close()
            raise

    def _append(self, text: bytes) -> None:
        """Add `text`, whole or not at all."""
        if self._torn:
            os.ftruncate(self._fd, self._size)
        self._torn = True
        try:
            left = memoryview(text)
            while left:
                left = left[os.write(self._fd, left) :]
            os.fsync(self._fd)
        except OSError:
            with contextlib.suppress(OSError):  # else before anything is added
                os.ftruncate(self._fd, self._size)
                self._torn = False
            raise
        self._torn = False
        self._size += len(text)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def fold(record: Path, patience: float = 0.0) -> bool:
    """Make one record of what a run wrote that broke off; False if there is nothing to fold.

    While the process that writes it lives, up to `patience` seconds are waited for its end, and nothing is
    folded then. Lines of which not even the first is whole say nothing, and go where there is a record.
    Raises RecordError.
    """
    deadline = time.monotonic() + patience
    path = changes.beside(record)
    while True:
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.fstat(file.fileno()).st_nlink:
                    return False
                whole = changes.lines(path) is not None
                if whole or not record.exists():
                    load(path).write(record.parent)
                path.unlink()
                return whole
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(1.0)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise RecordError(f"The record {path} cannot be folded: {error.strerror or error}.") from error


def fold_all(folder: Path) -> list[Path]:
    """Fold what runs left in `folder` that broke off and that nobody made whole; the records that came of it.
    What cannot be folded stays.
    """
    folded = []
    for path in sorted(folder.glob(f"*{changes.SUFFIX}")):
        if _LINES.fullmatch(path.name) and path.is_file():
            with contextlib.suppress(RecordError):
                record = path.with_suffix(".json")
                if fold(record):
                    folded.append(record)
    return folded


def command(record: Path) -> list[str]:
    """A command that folds `record` once the process that writes it has ended: for whoever outlives that."""
    return [sys.executable, "-P", "-m", __name__, str(record.absolute())]


def main() -> int:
    """Fold the record named on the command line, once the process that writes it has ended."""
    try:
        fold(Path(sys.argv[1]), patience=PATIENCE)
    except RecordError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
