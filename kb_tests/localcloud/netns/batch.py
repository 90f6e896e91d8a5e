"""Joins what many callers ask for at once into one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Batch:
    """Texts given while a request is under way go into the next one together, in order.

    When a joined request is refused, its texts are tried one by one, so that each caller gets its own
    error.
    """

    def __init__(self, send: Callable[[str], Awaitable[object]]) -> None:
        self._send = send
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def add(self, text: str) -> None:
        """Return when `text` has been done; raises what doing it raised."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            try:
                await self._send("".join(text for text, _ in taken))
            except Exception:  # handed to the callers below
                await self._one_by_one(taken)
            else:
                for _, done in taken:
                    if not done.done():
                        done.set_result(None)

    async def _one_by_one(self, taken: list[tuple[str, asyncio.Future[None]]]) -> None:
        for text, done in taken:
            try:
                await self._send(text)
            except Exception as error:  # it is the caller's
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(None)
