"""Where sessions tell what happens in them: `$XDG_STATE_HOME/kb/sessions/<sid>/`, for this user alone.

    session.json    who runs what, written once when the session begins
    lock            held by the process that writes records, for as long as it lives
    main.ndjson     its events; gw0.ndjson, gw1.ndjson, ... those of xdist's workers
    mark-*.ndjson   markers, each written by `kb marker` or the web UI
    stdout.log      its output, where it was started by the web UI
    starting        the clouds that it is about to load, where the web UI started it, until it says so itself

A session lives while its lock is held: no process id can be mistaken for another one's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from kb_tests.cloud.journal import default_folder

SID = re.compile(r"[0-9a-f]{8}")
MAIN = "main"
_FILE = re.compile(r"(main|gw\d{1,4}|mark-[0-9a-f]{8})\.ndjson")
_LONGEST_INFO = 1 << 20

KEEP = 200
"""Sessions that are kept at most, besides those that live."""

KEEP_SECONDS = 30 * 86_400.0
"""How long a session that ended is kept."""


class Info(BaseModel):
    """What `session.json` says. `workers` and `started` help to find processes, the lock tells who lives."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sid: str
    pid: int
    started: float
    version: str = ""
    arguments: tuple[str, ...] = ()
    folder: str = ""
    reports: str = ""
    clouds: tuple[str, ...] = ()
    testing_cloud: str = ""
    scenarios: tuple[str, ...] = ()
    started_by: str = "shell"


@dataclass(frozen=True)
class Session:
    """A session's folder."""

    folder: Path

    @property
    def sid(self) -> str:
        """Its id: eight hexadecimal digits."""
        return self.folder.name

    @property
    def info(self) -> Info | None:
        """Who runs what; None if that cannot be read (yet)."""
        try:
            with opened(self.folder / "session.json") as file:
                return Info.model_validate_json(file.read(_LONGEST_INFO))
        except (OSError, ValidationError):
            return None

    @property
    def alive(self) -> bool:
        """Whether the process that writes its records lives."""
        try:
            with opened(self.folder / "lock") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def files(self) -> list[Path]:
        """Its event files so far; the one of the process that writes records is the first."""
        with contextlib.suppress(OSError):
            found = [path for path in self.folder.iterdir() if _FILE.fullmatch(path.name)]
            return sorted(found, key=lambda path: (path.stem != MAIN, len(path.stem), path.stem))
        return []


def opened(path: Path) -> BinaryIO:
    """A file of a session's folder, for reading. Raises OSError for what is no ordinary file, such as a link
    or a pipe, which nobody of ours put there and which may never end.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "This is no ordinary file", str(path))
    return open(fd, "rb")  # noqa: PTH123 (it is open already)


def root() -> Path:
    """The folder of all sessions of this user."""
    return default_folder().parent / "sessions"


def every(folder: Path | None = None) -> list[Session]:
    """The sessions there are, the newest first."""
    with contextlib.suppress(OSError):
        found = [path for path in (folder or root()).iterdir() if SID.fullmatch(path.name)]
        return [Session(path) for path in sorted(found, key=_when, reverse=True)]
    return []


def find(sid: str, folder: Path | None = None) -> Session | None:
    """The session `sid`; None if there is none."""
    path = (folder or root()) / sid
    return Session(path) if SID.fullmatch(sid) and path.is_dir() else None


class Opened:
    """A session of this process: its folder, and its lock for as long as the process lives."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self._lock = lock

    @property
    def sid(self) -> str:
        """Its id."""
        return self.folder.name

    def close(self) -> None:
        """Let go of the lock: the session has ended."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def open_session(
    arguments: Sequence[str],
    *,
    about: Mapping[str, object],
    folder: Path | None = None,
    sid: str = "",
) -> Opened | None:
    """Make the folder of a new session; None if that cannot be: nobody can watch it then, and that is all.

    `about` are further fields of `Info`. `sid` names a folder that somebody made for this session, who then
    may follow it from the beginning. Where another session has it already, which inherited the same id, this
    one gets an id of its own.
    """
    with contextlib.suppress(OSError, RuntimeError, ValueError, TypeError):
        base = folder or root()
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(base)
        prune(base)
        for name in (sid if SID.fullmatch(sid) else secrets.token_hex(4), secrets.token_hex(4)):
            own = base / name
            own.mkdir(mode=0o700, exist_ok=name == sid)
            if own.is_symlink():
                continue
            _make_private(own)
            if (lock := _lock(own)) is None:
                continue
            try:
                _describe(own, arguments, about)
            except BaseException:
                os.close(lock)
                raise
            return Opened(own, lock)
    return None


def _make_private(folder: Path) -> None:
    """Only this user reads and writes there. Raises OSError for the folder of another one."""
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "This folder is another user's", str(folder))
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _lock(folder: Path) -> int | None:
    """The descriptor of its lock, held; None where it is another session's. It is held before it can be seen:
    whoever asks just then whether the session lives holds it for a moment.
    """
    new = folder / f"lock.{secrets.token_hex(4)}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.link(new, folder / "lock")
    except FileExistsError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    finally:
        new.unlink()
    return fd


def _describe(folder: Path, arguments: Sequence[str], about: Mapping[str, object]) -> None:
    info = {"sid": folder.name, "pid": os.getpid(), "started": time.time(), "arguments": [*arguments]}
    text = json.dumps(info | dict(about))
    fd = os.open(folder / "session.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 (it is open already)
        file.write(text)


def prune(folder: Path, *, keep: int = KEEP, seconds: float = KEEP_SECONDS) -> None:
    """Remove sessions that ended long ago, and the oldest where there are too many."""
    for place, session in enumerate(every(folder)):
        if (place >= keep or time.time() - _when(session.folder) > seconds) and not session.alive:
            shutil.rmtree(session.folder, ignore_errors=True)


def without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    """A command line for others to read: an ssh proxy command may hold what only its user should see."""
    hide = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        secret = name == "--kb-ssh-proxy-command"
        yield "..." if hide else f"{name}=..." if secret and equals else argument
        hide = secret and not equals


def _when(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
