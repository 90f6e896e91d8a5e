"""Journals of runs that ended long ago, which nobody needs any more."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from kb_tests.cloud.journal import Journal, journals
from kb_tests.errors import CloudError

KEEP_SECONDS = 30 * 24 * 3600.0
"""How long the journal of an ended run can be looked at."""

_FILES = ("reaper.log", "journal.jsonl")
"""In the order in which they go: what is broken off is found again by the journal."""


def prune(folder: Path | None = None) -> list[Path]:
    """Remove the folders of runs whose journal was closed on every cloud and has not been written for
    `KEEP_SECONDS`, from `folder` (by default the user's); which these were.

    A run of which something may be left, that is kept, held, or cannot be read, is never touched.
    """
    return [path.parent for path in journals(folder) if _is_old(path) and _remove(path)]


def _is_old(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_mtime < time.time() - KEEP_SECONDS
    return False


def _remove(path: Path) -> bool:
    try:
        journal = Journal.open(path)
    except (CloudError, OSError):  # held, damaged, or pruned by another session just now
        return False
    try:
        others = {entry.name for entry in path.parent.iterdir()}.difference(_FILES)
        if others or not all(part.closed for part in journal.parts):
            return False
        for name in _FILES:
            path.with_name(name).unlink(missing_ok=True)
        path.parent.rmdir()
    except OSError:
        return False
    finally:
        journal.release()
    return True
