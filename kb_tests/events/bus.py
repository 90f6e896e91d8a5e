"""Dispatches the events of a process to its handlers, in memory and in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kb_tests.events.model import AnyEvent


class Handler(Protocol):
    """Does something with events: keeps them for the record, shows them, writes them to a file.

    It runs in the process and often in the thread that loads the cloud: it must not block. What only
    watches must not raise either.
    """

    def handle(self, event: AnyEvent) -> None:
        """Take one event; pass over what it does not care for."""


class Bus:
    """The handlers of a process, each given every event in the order in which it was put."""

    def __init__(self, handlers: Iterable[Handler] = ()) -> None:
        self._handlers = list(handlers)

    def add(self, handler: Handler) -> None:
        """Have `handler` take what comes from now on."""
        self._handlers.append(handler)

    def put(self, event: AnyEvent) -> None:
        """Give `event` to every handler."""
        for handler in self._handlers:
            handler.handle(event)
