"""Programs that the agent starts; `subprocess` alone would take a tenth of an idle agent's memory."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LIMIT = 65_536

SIGKILL, SIGTERM = 9, 15  # `signal` would import `enum`, a tenth of an idle agent's memory


def find(program: str) -> str | None:
    """The path of a program, or None; the folders of system programs are searched too."""
    for folder in (os.environ.get("PATH", "") + ":" + _PATH).split(":"):
        path = os.path.join(folder, program)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def spawn(arguments: Sequence[str], output: int) -> int:
    """Start a program (by its path) with stdout and stderr on the descriptor `output`; its pid."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    ]
    return os.posix_spawn(arguments[0], list(arguments), dict(os.environ), file_actions=actions)


def ended(pid: int) -> bool:
    """Whether a child is gone; collects it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def run(program: str, *arguments: str, timeout: float = 5.0) -> str:
    """What a short-lived program prints, "" when it is not there or does not end in time."""
    path = find(program)
    if path is None:
        return ""
    readable, writable = os.pipe()
    try:
        pid = spawn([path, *arguments], writable)
    except OSError:
        os.close(readable)
        return ""
    finally:
        os.close(writable)
    text = _read(readable, time.monotonic() + timeout)
    os.close(readable)
    if text is None:
        os.kill(pid, SIGKILL)
    os.waitpid(pid, 0)
    return (text or b"").decode("utf-8", "replace")


def _read(descriptor: int, deadline: float) -> bytes | None:
    chunks: list[bytes] = []
    while sum(map(len, chunks)) < _LIMIT:
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return None
        chunk = os.read(descriptor, 4096)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
    return None
