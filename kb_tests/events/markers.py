"""Markers: somebody did something to the cloud at this moment, and says so beside a session's events."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from kb_tests.errors import WatchError
from kb_tests.events import lines
from kb_tests.events.model import Marker
from kb_tests.events.sessions import Session

LONGEST = 2000
"""Characters of a marker that are kept."""


def note(session: Session, text: str) -> Path:
    """Note `text` in `session`, in a file that no other process writes; raises WatchError."""
    line = lines.encode(0, time.time(), Marker(text=text[:LONGEST]))
    path = session.folder / f"mark-{secrets.token_hex(4)}.ndjson"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:  # noqa: PTH123 (it is open already)
            file.write(line)
    except OSError as error:
        raise WatchError(f"{path} cannot be written: {error.strerror}.") from error
    return path
