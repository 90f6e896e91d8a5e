"""Points: the single load runs that a scenario stands for, one test each.

`expand` makes them from a scenario.
"""

from __future__ import annotations

from dataclasses import dataclass

from kb_tests.scenario.model import Clients, HttpScenario, Scenario


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


def scales(clients: Clients | None, maximum: int) -> list[int]:
    """The numbers of clients that a progression runs, ascending, the maximum always among them."""
    if clients is None:
        return [maximum]
    return [*range(clients.start, maximum, clients.step), maximum]


def expand(scenario: Scenario) -> tuple[HttpPoint, ...]:
    """The scenario's points, ordered by scale and then by rate, as numbers."""
    load = scenario.load
    return tuple(
        _http_point(scenario, clients, rate)
        for clients in scales(load.clients, scenario.topology.servers)
        for rate in sorted(load.rate)
    )


def _http_point(scenario: HttpScenario, clients: int, rate: float) -> HttpPoint:
    load = scenario.load
    return HttpPoint(
        id=f"{scenario.name}-clients-{clients}-rate-{_plain(rate)}",
        scenario=scenario.name,
        clients=clients,
        rate=rate,
        connections=load.connections,
        page_size=load.page_size,
        keep_alive=load.keep_alive,
        warm_up=load.warm_up,
        duration=load.duration,
        max_duration=load.max_duration or load.duration,
        timeout=load.timeout,
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
