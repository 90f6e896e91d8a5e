"""What staging and teardown tell while they work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

State = Literal["building", "booting", "ready", "error"]
"""Of a server: asked for; ACTIVE, while its agent is not there yet; with an agent that is ready; in ERROR."""


class Progress(Protocol):
    """Called from one thread at a time: of `total` things in this phase, `done` are done."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Take note."""


class Seen(Protocol):
    """Called with the names of servers that have come to a state."""

    def __call__(self, state: State, names: Sequence[str]) -> None:
        """Take note."""


def unseen(state: State, names: Sequence[str]) -> None:
    """Servers that nobody watches."""


def silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
