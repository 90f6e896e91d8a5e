"""What was asked for from the UI, and when: a line beside what it was about."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


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
