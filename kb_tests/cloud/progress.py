"""What staging and teardown tell while they work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called from one thread at a time: of `total` things in this phase, `done` are done."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Take note."""


def silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
