"""What was asked for from the UI, and when: a line beside what it was about."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from kb_tests.events import sessions

STOPPED = "stop: now"
STOPPED_EARLY = "stop: before it began"


def audit(folder: Path, what: str, about: object, **more: object) -> None:
    """Note in `folder` what was asked for; where that cannot be written it is done all the same."""
    line = json.dumps({"t": round(time.time(), 3), "what": what, "about": about} | more) + "\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(folder / "audit.log", flags, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)
    except OSError:
        return


def asked_to_stop(folder: Path) -> bool:
    """Whether a session was interrupted from a page, however long ago and whether or not it said so yet."""
    with contextlib.suppress(OSError), sessions.opened(folder / "audit.log") as file:
        return any(map(_stops, file))
    return False


def _stops(line: bytes) -> bool:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return b'"stop: ' in line and json.loads(line)["what"] in (STOPPED, STOPPED_EARLY)
    return False
