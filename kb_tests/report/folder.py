"""The folder that records go to."""

from __future__ import annotations

import os
from pathlib import Path

from kb_tests.errors import RecordError


def check_folder(folder: Path) -> None:
    """RecordError where records could not be written: an hour's load would be for nothing."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise RecordError(f"No record can be written to {folder}.")
