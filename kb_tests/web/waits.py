"""Threads for what may take long: however many of these wait, pages are answered and runs are stopped.

A cloud that does not answer is asked for minutes, and children of `kb` take a processor each. What only reads
files has threads of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple, cast

from anyio import CapacityLimiter, to_thread

CLOUDS = 16
"""Questions to clouds at a time."""

WORK = 4
"""Children that compute at a time: reports, comparisons, checks."""

A = TypeVarTuple("A")
T = TypeVar("T")


class Waits:
    """Those of one server."""

    def __init__(self) -> None:
        self._clouds = CapacityLimiter(CLOUDS)
        self._work = CapacityLimiter(WORK)
        self._asked: dict[str, asyncio.Task[Any]] = {}

    async def cloud(self, ask: Callable[[*A], T], *arguments: *A) -> T:
        """What a cloud answers."""
        return await to_thread.run_sync(ask, *arguments, limiter=self._clouds)

    async def work(self, do: Callable[[*A], T], *arguments: *A) -> T:
        """What a child finds out."""
        return await to_thread.run_sync(do, *arguments, limiter=self._work)

    async def once(self, cloud: str, ask: Callable[[str], T]) -> T:
        """What `cloud` answers, to all that ask it at the same time; whoever leaves takes it from nobody."""
        task = self._asked.get(cloud)
        if task is None:
            task = self._asked[cloud] = asyncio.create_task(self.cloud(ask, cloud))
            task.add_done_callback(lambda done: self._over(cloud, done))
        return cast("T", await asyncio.shield(task))

    def _over(self, cloud: str, done: asyncio.Task[Any]) -> None:
        self._asked.pop(cloud, None)
        if not done.cancelled():
            done.exception()  # it was told to whoever is still there
