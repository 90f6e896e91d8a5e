"""An index of the records in a folder, so that a thousand of them are listed at once.

The records are the truth. The index is made from them, brought up to date whenever it is asked, thrown away
where it cannot be read, and not needed at all: where it cannot be written, it lives in memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kb_tests.errors import RecordError
from kb_tests.history.summary import Summary, refuse_misnamed, summarize, usable
from kb_tests.report.beside import SUFFIX

if TYPE_CHECKING:
    from kb_tests.history.figures import PointFigure

NAME = ".kb-index.sqlite"
PATIENCE = 5.0
"""Seconds to wait for another process that has the index; longer ones do without."""

_VERSION = 3
_TABLE = """
CREATE TABLE run (
    name TEXT PRIMARY KEY, changed INTEGER, size INTEGER, run TEXT, cloud TEXT, started REAL, ended REAL,
    exit_code INTEGER, scenarios TEXT, points TEXT, leaks INTEGER, closest TEXT
)
"""

_FIGURES = "CREATE TABLE figures (name TEXT PRIMARY KEY, changed INTEGER, size INTEGER, text TEXT)"
"""What a record's points came to: asked for by histories alone, and read from it when first they do."""


class Index:
    """The runs whose records are in `folder`, the newest first."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise RecordError(
                f"There is no folder {folder} with records of runs.",
                remedy="Run something first, or name the folder of its --kb-reports.",
            )
        self.folder = folder
        self._path = folder / NAME if _has_a_record(folder) else None
        self._database = _opened(self._path)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def runs(self) -> list[Summary]:
        """All of them, after a look at which records are new, changed or gone."""
        for path in (self._path, None):
            try:
                return self._runs()
            except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
                self._database.close()
                if not _is_busy(error):  # damaged, or the disk is full
                    _remove(self._path)
                self._database = _opened(None if _is_busy(error) else path)
        return self._runs()

    def _runs(self) -> list[Summary]:
        self._refresh()
        folder = str(self.folder)  # a thousand joined paths would be a tenth of the time
        rows = self._database.execute(
            "SELECT name, run, cloud, started, ended, exit_code, scenarios, points, leaks, closest FROM run"
            " WHERE run IS NOT NULL ORDER BY started DESC, run"
        )
        return [
            usable(
                Summary(
                    run=run,
                    cloud=cloud,
                    started=started,
                    ended=ended,
                    exit_code=exit_code,
                    scenarios=tuple(json.loads(scenarios)),
                    points=tuple((id_, outcome) for id_, outcome in json.loads(points)),
                    leaks=leaks,
                    path=f"{folder}/{name}",
                    closest=closest,
                )
            )
            for name, run, cloud, started, ended, exit_code, scenarios, points, leaks, closest in rows
        ]

    def some(self) -> list[Summary]:
        """All of them; RecordError where there is none."""
        found = self.runs()
        if not found:
            refuse_misnamed(self.folder, ())
            raise RecordError(
                f"There is no record of a run in {self.folder}.",
                remedy="Run something first, or name the folder of its --kb-reports.",
            )
        return found

    def figures(self, run: Summary) -> list[PointFigure]:
        """Those of its points, read from its record once."""
        from kb_tests.history.figures import from_text, of_record, to_text  # takes scipy: lists do without

        name = Path(run.path).name
        row = None
        with contextlib.suppress(sqlite3.Error):
            row = self._database.execute(
                "SELECT text FROM figures JOIN run USING (name, changed, size) WHERE name = ?", (name,)
            ).fetchone()
        known = from_text(row[0]) if row and isinstance(row[0], str) else None
        if known is not None:
            return known
        found = of_record(Path(run.path))
        with contextlib.suppress(sqlite3.Error), self._database:  # where the disk is full, it is not kept
            self._database.execute(
                "INSERT OR REPLACE INTO figures SELECT name, changed, size, ? FROM run WHERE name = ?",
                (to_text(found), name),
            )
        return found

    def _refresh(self) -> None:
        known = {
            name: (changed, size)
            for name, changed, size in self._database.execute("SELECT name, changed, size FROM run")
        }
        there = dict(_records(self.folder))
        gone = [(name,) for name in known.keys() - there.keys()]
        fresh = [name for name, stamp in there.items() if known.get(name) != stamp]
        if not gone and not fresh:
            return
        with self._database:
            self._database.executemany("DELETE FROM run WHERE name = ?", gone)
            self._database.executemany("DELETE FROM figures WHERE name = ?", gone)
            for name in fresh:
                self._database.execute(
                    "INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (name, *there[name], *_columns(summarize(self.folder / name))),
                )


def _columns(found: Summary | None) -> tuple[object, ...]:
    """Of a file that is no record only that it was looked at."""
    if found is None:
        return (None,) * 9
    return (
        found.run,
        found.cloud,
        found.started,
        found.ended,
        found.exit_code,
        json.dumps(found.scenarios),
        json.dumps(found.points),
        found.leaks,
        found.closest,
    )


def _records(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """The names of what may be records, with what tells whether one or its file of changes is another."""
    found: dict[str, os.stat_result] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not name.isprintable():
                continue
            if name.endswith((".json", SUFFIX)) and not name.startswith(".") and entry.is_file():
                with contextlib.suppress(OSError):
                    found[name] = entry.stat()
    for name, stat in found.items():
        if name.endswith(".json"):
            more = found.get(name.removesuffix(".json") + SUFFIX)
            changed = max(stat.st_mtime_ns, more.st_mtime_ns if more else 0)
            yield name, (changed, stat.st_size + (more.st_size if more else 0))


def _has_a_record(folder: Path) -> bool:
    """Whether an index would be of use there: whoever asks for a folder of something else leaves nothing."""
    if (folder / NAME).exists():
        return True
    try:
        return any(summarize(folder / name) is not None for name, _ in _records(folder))
    except OSError as error:
        raise RecordError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error


def _opened(path: Path | None) -> sqlite3.Connection:
    for _ in range(2 if path else 0):
        try:
            return _checked(sqlite3.connect(str(path), timeout=PATIENCE))
        except sqlite3.Error as error:
            if _is_busy(error):
                break
            _remove(path)
    return _checked(sqlite3.connect(":memory:"))


def _is_busy(error: Exception) -> bool:
    """Whether another process has the index: it is not damaged."""
    return isinstance(error, sqlite3.Error) and "locked" in str(error)


def _remove(path: Path | None) -> None:
    if path:
        with contextlib.suppress(OSError):
            path.unlink()


def _checked(database: sqlite3.Connection) -> sqlite3.Connection:
    """A database of this version, made anew where it is none; raises sqlite3.Error."""
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            with database:
                database.execute("DROP TABLE IF EXISTS run")
                database.execute("DROP TABLE IF EXISTS figures")
                database.execute(_TABLE)
                database.execute(_FIGURES)
                database.execute(f"PRAGMA user_version = {_VERSION}")
        database.execute("SELECT name, changed, size, closest FROM run LIMIT 1")
        database.execute("SELECT name, changed, size, text FROM figures LIMIT 1")
        with database:  # whether it can be written
            database.execute("DELETE FROM run WHERE name = ''")
    except sqlite3.Error:
        database.close()
        raise
    return database
