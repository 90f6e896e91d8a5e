"""Faults on request: which calls, boots and deletions go wrong, and how.

A fault counts what it matches and acts on the `nth` one, on every `every`-th, or on all; at most
`times` times.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a fault does."""

    STATUS = "status"
    """The call is answered with `status`, and `Retry-After` if `retry_after` is given; nothing is done. With
    a `body` the answer is that text, whatever it is: JSON, or else HTML.
    """
    LATENCY = "latency"
    """The call is answered `seconds` later."""
    HANG = "hang"
    """The call is not answered for `seconds`, by default an hour; then its connection is dropped."""
    DROP = "drop"
    """The call's connection is dropped; nothing is done."""
    LOST_ANSWER = "lost-answer"
    """The call is done, but its connection is dropped instead of answered."""
    BOOT_DELAY = "boot-delay"
    """The server needs `seconds` more to boot."""
    BOOT_ERROR = "boot-error"
    """The server ends in ERROR, after `seconds`."""
    BOOT_NEVER = "boot-never"
    """The server stays in BUILD until it is deleted."""
    DELETE_ERROR = "delete-error"
    """The server's deletion fails once for each server: it is in ERROR and has to be deleted again."""


_OF_CALLS = frozenset({Kind.STATUS, Kind.LATENCY, Kind.HANG, Kind.DROP, Kind.LOST_ANSWER})
_OF_BOOTS = frozenset({Kind.BOOT_DELAY, Kind.BOOT_ERROR, Kind.BOOT_NEVER})


@dataclass(kw_only=True)
class Fault:
    """One of them. `service` is `keystone`, `nova`, `neutron`, `glance` or `cinder`; `path` and `server`
    are regular expressions that are searched in the call's path and the server's name.
    """

    kind: Kind
    service: str | None = None
    method: str | None = None
    path: str | None = None
    server: str | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    status: int = 503
    retry_after: int | None = None
    body: str | None = None
    seconds: float = 0.0
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    matched: int = 0
    acted: int = 0

    def acts(self) -> bool:
        """Count one more match; whether it is one to act on."""
        self.matched += 1
        if self.times is not None and self.acted >= self.times:
            return False
        if self.nth is not None and self.matched != self.nth:
            return False
        if self.every is not None and self.matched % self.every:
            return False
        self.acted += 1
        return True


@dataclass
class Faults:
    """Those that are set, in the order in which they were."""

    faults: dict[str, Fault] = field(default_factory=dict)
    _failed_deletions: set[str] = field(default_factory=set)

    def add(self, fault: Fault) -> None:
        """Set one more."""
        self.faults[fault.id] = fault

    def clear(self) -> None:
        """Set none."""
        self.faults.clear()
        self._failed_deletions.clear()

    def of_call(self, service: str, method: str, path: str) -> list[Fault]:
        """What befalls a call: latencies, and at most one fault that ends it."""
        found = []
        for fault in self.faults.values():
            if fault.kind not in _OF_CALLS or fault.service not in (None, service):
                continue
            if fault.method not in (None, method) or not re.search(fault.path or "", path):
                continue
            if fault.acts():
                found.append(fault)
                if fault.kind is not Kind.LATENCY:
                    break
        return found

    def of_boot(self, name: str) -> Fault | None:
        """What befalls the boot of a server of this name."""
        for fault in self.faults.values():
            if fault.kind in _OF_BOOTS and re.search(fault.server or "", name) and fault.acts():
                return fault
        return None

    def of_deletion(self, server_id: str, name: str) -> bool:
        """Whether the deletion of this server fails now."""
        for fault in self.faults.values():
            if fault.kind is not Kind.DELETE_ERROR or not re.search(fault.server or "", name):
                continue
            if server_id not in self._failed_deletions and fault.acts():
                self._failed_deletions.add(server_id)
                return True
        return False
