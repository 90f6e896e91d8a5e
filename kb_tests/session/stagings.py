"""Run ids: what is staged for a target carries one, and a staging later in the session one of its own.

The controller chooses the first of each target, since records are called by it. The further ones follow from
it, so that a process which did not stage knows them, too, whatever became of the one that did.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from kb_tests.cloud.journal import path_of

MOST = 100
"""Stagings of one target in a session that are looked for."""


def nth(first: str, number: int) -> str:
    """The run id of the staging `number` (0, 1, ...) of a target whose first one is `first`."""
    return hashlib.sha256(f"{first} {number}".encode()).hexdigest()[:8] if number else first


def journaled(first: str) -> Iterator[str]:
    """The first run id of a target, and all further ones that have a journal on this machine."""
    yield first
    for number in range(1, MOST):
        run_id = nth(first, number)
        if not path_of(run_id).exists():
            return
        yield run_id


class Stagings:
    """Run ids of the targets of a selection, by their place in it; `firsts` are the same in all processes."""

    def __init__(self, firsts: Sequence[str]) -> None:
        self.firsts = list(firsts)
        self._made: Counter[int] = Counter()

    def next(self, target: int) -> str:
        """The run id of another staging of a target."""
        self._made[target] += 1
        return nth(self.firsts[target], self._made[target] - 1)
