"""Where records and reports go to: tried before anything is staged, not after an hour of load."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kb_tests.errors import RecordError

_BLOCK = bytes(1 << 16)


def check_folder(folder: Path) -> None:
    """RecordError where records could not be written."""
    if why := _refusal(folder):
        raise RecordError(f"No record can be written to {folder}: {why}.")


def check_file(file: Path, what: str) -> None:
    """RecordError where a file of this kind (`what`) could not be written, or made anew."""
    why = "that is a folder" if file.is_dir() else _refusal(file.parent)
    if not why and file.exists() and not os.access(file, os.W_OK):
        why = "the one that is there may not be changed"
    if why:
        raise RecordError(f"No {what} can be written to {file}: {why}.")


def _refusal(folder: Path) -> str:
    """Why nothing can be written there, found out by writing; the folder itself need not be there yet."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    try:
        with tempfile.TemporaryFile(dir=there) as trial:
            trial.write(_BLOCK)
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        return f"{there} takes no file ({error.strerror or error})"
    return ""
