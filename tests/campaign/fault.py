"""What a class of faults is: what is done to a session, when, and what it may end with."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.campaign.session import Session

Act = Callable[[Session, random.Random], bool]
"""Does the harm; whether there was anything to harm."""

ANY = ("start", "staging", "servers", "load", "teardown")
PASSED, FAILED, INTERRUPTED, USAGE, INCONCLUSIVE, INVALID, LEAKED = 0, 1, 2, 4, 10, 11, 12
KILLED = -signal.SIGKILL
UNDECIDED = frozenset({FAILED, INCONCLUSIVE, INVALID})
"""A point that was spoilt may be red for any reason; only green is wrong."""


LOAD = ("load",)


def of(*codes: int) -> frozenset[int]:
    """These exit codes."""
    return frozenset(codes)


@dataclass(frozen=True)
class Fault:
    """One class. `prepare` comes before the session starts. `cleanup`: `kb cleanup` may be needed.

    `codes` are exit codes of pytest (negative: the signal that killed it). `spoils`: the point that was
    running must not pass. `told`: a text that has to be in the output where the exit code is not 0.
    """

    name: str
    codes: frozenset[int]
    moments: tuple[str, ...] = ()
    act: Act | None = None
    prepare: Callable[[Session, random.Random], None] | None = None
    spoils: bool = False
    workers: bool = False
    cleanup: bool = False
    told: str = ""
    stages_nothing: bool = False
