"""Points: the single load runs that a scenario stands for, one test each.

This module holds the types that the other rooms take; `expand` makes them from a scenario.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpPoint:
    """One HTTP rate at one scale.

    Durations are seconds, sizes bytes. `rate` is requests per second *per generator*;
    0 means a closed loop: every connection sends again as soon as it is answered.
    `clients` generators take part; each of them loads exactly one server.
    """

    id: str
    scenario: str
    clients: int
    rate: float
    connections: int
    page_size: int
    keep_alive: bool
    warm_up: float
    duration: float
    max_duration: float
    timeout: float

    @property
    def offered(self) -> float:
        """Requests per second that all generators together are asked to send."""
        return self.clients * self.rate


@dataclass(frozen=True)
class StoragePoint:
    """One fio profile at one scale; rates are per server, bytes/s and I/Os per second, 0 = free."""

    id: str
    scenario: str
    clients: int
    profile: str
    mode: str
    block_size: int
    iodepth: int
    numjobs: int
    rwmixread: int
    rate_iops: float
    rate_bytes: float
    extra: tuple[tuple[str, str], ...]
    ramp: float
    duration: float
    max_duration: float
    steady: bool


Point = HttpPoint | StoragePoint
