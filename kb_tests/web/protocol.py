"""HTTP/1.1 for clients that have no time to lose: whoever does not finish what it asks is not waited for."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""From a connection's beginning, or the first byte of a further request, to the end of its header."""


class Impatient(H11Protocol):
    """uvicorn's own, which would wait for a header for ever."""

    seconds = HEADER_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there; nothing was asked yet."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """A part of a request came."""
        if not self._under_way:
            self._wait()
        super().data_received(data)
        if self._under_way:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._rest()
        super().connection_lost(exc)

    @property
    def _under_way(self) -> bool:
        """Whether a request was read whole and is being answered."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._late)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if not self._under_way and not self.transport.is_closing():
            self.transport.abort()
