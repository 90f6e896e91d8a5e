"""What is wrong on request with running servers and attached volumes just now.

A harm lasts until it is ended, its seconds are over, or its server's boot (its volume's attachment) is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kb_tests.localcloud.driver import DriverError

log = logging.getLogger(__name__)

DIRECTIONS = ("in", "out")
"""Of a link, as its server sees it."""


@dataclass(kw_only=True, eq=False)
class Harm:
    """One of them, of the server or volume (`of`) with this id and name. `values` are as asked for; `lasts`
    says whether what it was done to is still there; `until` is a time of CLOCK_MONOTONIC, None for no end.
    """

    of: str
    id: str
    name: str
    kind: str
    direction: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    until: float | None = None
    lasts: Callable[[], bool]
    undo: Callable[[], Awaitable[None]]

    @property
    def key(self) -> tuple[str, str, str | None]:
        """There is at most one of each."""
        return self.id, self.kind, self.direction

    def view(self) -> dict[str, object]:
        """As the API shows it; `seconds` is what is left."""
        left = None if self.until is None else round(max(self.until - time.monotonic(), 0.0), 3)
        return {
            self.of: self.name,
            "id": self.id,
            "kind": self.kind,
            "direction": self.direction,
            **self.values,
            "seconds": left,
        }


@dataclass
class Harms:
    """Those in effect, in the order in which they were done."""

    _harms: dict[tuple[str, str, str | None], Harm] = field(default_factory=dict)

    def add(self, harm: Harm) -> None:
        """One more, instead of the one like it."""
        self._harms.pop(harm.key, None)
        self._harms[harm.key] = harm

    def find(self, identifier: str, kind: str, direction: str | None = None) -> Harm | None:
        """The one of this kind that a server or volume has, if it does."""
        harm = self._harms.get((identifier, kind, direction))
        return harm if harm is not None and harm.lasts() else None

    def all(self, identifier: str | None = None, kind: str | None = None) -> list[Harm]:
        """Those of one server or volume, or of all; of one kind, or of any."""
        self._harms = {key: harm for key, harm in self._harms.items() if harm.lasts()}
        found = (harm for harm in self._harms.values() if identifier in (None, harm.id))
        return [harm for harm in found if kind in (None, harm.kind)]

    def forget(self, *harms: Harm) -> None:
        """These did not come about."""
        for harm in harms:
            self._harms.pop(harm.key, None)

    async def end(self, *harms: Harm) -> None:
        """Undo these, unless others have taken their place. Raises `DriverError`."""
        for harm in harms:
            if self._harms.get(harm.key) is harm:
                del self._harms[harm.key]
                if harm.lasts():
                    await harm.undo()

    async def end_in_time(self, harm: Harm) -> None:
        """Wait for its time, and undo it then."""
        assert harm.until is not None
        await asyncio.sleep(harm.until - time.monotonic())
        try:
            await self.end(harm)
        except DriverError as error:
            log.info("a fault had nothing to end: %s", error)
