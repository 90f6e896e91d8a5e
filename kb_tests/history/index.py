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

from kb_tests.errors import RecordError
from kb_tests.history.summary import Summary, summarize
from kb_tests.report.changes import SUFFIX

NAME = ".kb-index.sqlite"
_VERSION = 1
_TABLE = """
CREATE TABLE run (
    name TEXT PRIMARY KEY, changed INTEGER, size INTEGER, run TEXT, cloud TEXT, started REAL, ended REAL,
    exit_code INTEGER, scenarios TEXT, points TEXT, leaks INTEGER
)
"""


class Index:
    """The runs whose records are in `folder`, the newest first."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise RecordError(
                f"There is no folder {folder} with records of runs.",
                remedy="Run something first, or name the folder of its --kb-reports.",
            )
        self.folder = folder
        self._database = _opened(folder / NAME)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def runs(self) -> list[Summary]:
        """All of them, after a look at which records are new, changed or gone."""
        self._refresh()
        rows = self._database.execute(
            "SELECT name, run, cloud, started, ended, exit_code, scenarios, points, leaks FROM run"
            " WHERE run IS NOT NULL ORDER BY started DESC, run"
        )
        return [
            Summary(
                run=run,
                cloud=cloud,
                started=started,
                ended=ended,
                exit_code=exit_code,
                scenarios=tuple(json.loads(scenarios)),
                points=tuple((id_, outcome) for id_, outcome in json.loads(points)),
                leaks=leaks,
                path=str(self.folder / name),
            )
            for name, run, cloud, started, ended, exit_code, scenarios, points, leaks in rows
        ]

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
            for name in fresh:
                self._database.execute(
                    "INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (name, *there[name], *_columns(summarize(self.folder / name))),
                )


def _columns(found: Summary | None) -> tuple[object, ...]:
    """Of a file that is no record only that it was looked at."""
    if found is None:
        return (None,) * 8
    return (
        found.run,
        found.cloud,
        found.started,
        found.ended,
        found.exit_code,
        json.dumps(found.scenarios),
        json.dumps(found.points),
        found.leaks,
    )


def _records(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """The names of what may be records, with what tells whether one or its file of changes is another."""
    found: dict[str, os.stat_result] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith((".json", SUFFIX)) and not name.startswith(".") and entry.is_file():
                with contextlib.suppress(OSError):
                    found[name] = entry.stat()
    for name, stat in found.items():
        if name.endswith(".json"):
            more = found.get(name.removesuffix(".json") + SUFFIX)
            changed = max(stat.st_mtime_ns, more.st_mtime_ns if more else 0)
            yield name, (changed, stat.st_size + (more.st_size if more else 0))


def _opened(path: Path) -> sqlite3.Connection:
    for _ in range(2):
        try:
            return _checked(sqlite3.connect(path, timeout=5.0))
        except sqlite3.Error:
            with contextlib.suppress(OSError):
                path.unlink()
    return _checked(sqlite3.connect(":memory:"))


def _checked(database: sqlite3.Connection) -> sqlite3.Connection:
    """A database of this version, made anew where it is none; raises sqlite3.Error."""
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            with database:
                database.execute("DROP TABLE IF EXISTS run")
                database.execute(_TABLE)
                database.execute(f"PRAGMA user_version = {_VERSION}")
        database.execute("SELECT name, changed, size, leaks FROM run LIMIT 1")
        with database:  # whether it can be written
            database.execute("DELETE FROM run WHERE name = ''")
    except sqlite3.Error:
        database.close()
        raise
    return database
