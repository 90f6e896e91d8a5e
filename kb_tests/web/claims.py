"""One start at a time, whichever `kb ui` of this user makes it, and what it is about to load.

A session says which clouds it loads in `session.json`, a second after its process began. Until then that
stands in `starting` beside it. Whoever starts the session locks that file, and the session's process
inherits the lock: it is held until that process has ended, whatever becomes of the `kb ui`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

from kb_tests.events import sessions
from kb_tests.web.problems import Problem

PATIENCE = 5.0
"""Seconds for which a start waits for that of another `kb ui`."""

_POLL = 0.02
_LARGEST = 64 << 10
_NAME = "starting"


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """While it lasts, nobody else who starts sessions in `folder` looks or starts; raises Problem where it
    does not come, or cannot be taken.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(
            folder.parent / "start.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise Problem(
            HTTPStatus.INSUFFICIENT_STORAGE, f"{folder} cannot be written to: {error.strerror}."
        ) from error
    try:
        until = time.monotonic() + PATIENCE
        while not _taken(fd):
            if time.monotonic() >= until:
                raise Problem(
                    HTTPStatus.CONFLICT, "Another `kb ui` is starting a session just now.", "Try it again."
                )
            time.sleep(_POLL)
        yield
    finally:
        os.close(fd)


def claim(folder: Path, clouds: Iterable[str]) -> int:
    """A descriptor for the session's process to inherit: as long as anybody has it, `claimed` tells `clouds`.

    Raises OSError.
    """
    fd = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # whoever asks just then has it for a moment
        os.write(fd, json.dumps([*clouds]).encode())
    except BaseException:
        os.close(fd)
        raise
    return fd


def claimed(session: sessions.Session) -> tuple[str, ...]:
    """The clouds that a session is about to load, whose process runs and has said nothing yet; else none."""
    try:
        with sessions.opened(session.folder / _NAME) as file:
            if _taken(file.fileno(), shared=True):
                return ()
            found = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(map(str, found)) if isinstance(found, list) and session.info is None else ()


def _taken(fd: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
