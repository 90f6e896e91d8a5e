"""Waiting for what comes about by itself: asked often, for far longer than it takes even on a busy machine.

How long a thing takes is not what these waits test; a limit is there so that what never comes is red, and not
an endless run. A test that is about time looks at the clock itself, and runs apart (`make pytest`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Words = str | Callable[[], object]

PATIENCE = 300.0
"""Seconds for what takes a moment on a quiet machine: by then it has come, whatever else the machine does."""

SESSION = 900.0
"""Seconds for what takes a minute: a session to its end."""

_OFTEN = 0.02


def eventually(condition: Callable[[], T], seconds: float = PATIENCE, what: Words = "") -> T:
    """The first true value of `condition`, which is asked every 20 ms.

    Raises `AssertionError` after `seconds`, with the condition's last value and `what`: a sentence on what
    did not come, or a function that tells how things stand then. What the condition raises goes through.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, _missed(value, seconds, what)
        time.sleep(_OFTEN)
    return value


async def eventually_async(
    condition: Callable[[], Awaitable[T]], seconds: float = PATIENCE, what: Words = ""
) -> T:
    """`eventually` for what is asked in a running event loop."""
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, _missed(value, seconds, what)
        await asyncio.sleep(_OFTEN)
    return value


def _missed(value: object, seconds: float, what: Words) -> str:
    told = what() if callable(what) else what
    return f"it did not come about in {seconds:g} s (now {value!r}): {told}"


def least(measure: Callable[[], float], below: float, tries: int = 5) -> float:
    """What `measure` returns, once that is less than `below`; else the least of so many tries.

    For seconds that a busy machine may make longer, and nothing makes shorter.
    """
    found = measure()
    for _ in range(tries - 1):
        if found < below:
            break
        found = min(found, measure())
    return found


def tried(times: int = 3) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """For a test that is about time: it passes once it has, in so many tries.

    A moment in which a machine has no CPU for us spoils one try; what is wrong with the code spoils all.
    """

    def decorated(test: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(test)
        def trying(*arguments: P.args, **named: P.kwargs) -> None:
            for _ in range(times - 1):
                with contextlib.suppress(AssertionError):
                    return test(*arguments, **named)
            return test(*arguments, **named)

        return trying

    return decorated


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet counts as gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    return True
