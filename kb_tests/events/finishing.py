"""A request to a session that runs: end after the point that is loaded now, which is judged as any other."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from kb_tests.errors import WatchError
from kb_tests.events.sessions import Session

FILE = "finish"


def request(session: Session) -> None:
    """Ask `session` to end after its point; asked again nothing happens. Raises WatchError."""
    path = session.folder / FILE
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise WatchError(f"{path} cannot be written: {error.strerror}.") from error


def requested(folder: Path | None) -> bool:
    """Whether the session in `folder` was asked to; never raises."""
    return folder is not None and os.path.lexists(folder / FILE)
