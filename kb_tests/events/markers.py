"""Markers: somebody did something to the cloud at this moment, and says so beside a session's events."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from kb_tests.errors import WatchError
from kb_tests.events import lines
from kb_tests.events.model import Marker
from kb_tests.events.sessions import Session, opened

LONGEST = 2000
"""Characters of a marker that are kept."""

MOST = 200
"""Markers of a session that are read at most: the first ones."""


class Noted(NamedTuple):
    """A marker: Unix time, and what was done."""

    t: float
    text: str


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


def noted(folder: Path) -> list[Noted]:
    """The markers of the session in `folder`, in the order of their times; none where nothing can be read.

    They are files of others: what cannot be a marker is passed over.
    """
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("mark-*.ndjson"))[: 10 * MOST]:
            with contextlib.suppress(OSError), opened(path) as file:
                line = lines.decode(file.readline(lines.LONGEST))
                if line is not None and isinstance(line.event, Marker):
                    found.append(Noted(line.t, line.event.text))
    return sorted(found)[:MOST]
