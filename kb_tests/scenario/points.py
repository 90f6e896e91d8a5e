"""Points: the single load runs that a scenario stands for, one test each.

`expand` makes them from a scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kb_tests.scenario.model import Clients, HttpScenario, Scenario
from kb_tests.scenario.storage import Profile, StorageScenario


@dataclass(frozen=True)
class HttpPoint:
    """One HTTP rate at one scale.

    Durations are seconds, sizes bytes. `rate` is requests per second *per generator*;
    0 means a closed loop: every connection sends again as soon as it is answered.
    `clients` generators take part; each of them loads exactly one server. With `find_warm_up` there is no
    warm-up before the measured window; it is found in the window's first half, and cut off.
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
    find_warm_up: bool = False
    tls: bool = False

    @property
    def offered(self) -> float:
        """Requests per second that all generators together are asked to send."""
        return self.clients * self.rate


@dataclass(frozen=True)
class StoragePoint:
    """One fio profile at one scale.

    `rate` is I/Os per second *per server*, reads and writes together, 0 for as fast as it goes; of it,
    and of the I/Os, `reads` is the share of reads. Durations are seconds, sizes bytes. `unit` is that of
    the rate as the scenario gives it: "iops" or "bytes".
    """

    id: str
    scenario: str
    clients: int
    profile: str
    mode: str
    block_size: int
    iodepth: int
    numjobs: int
    reads: float
    rate: float
    unit: Literal["iops", "bytes"]
    extra: tuple[tuple[str, str], ...]
    ramp: float
    duration: float
    max_duration: float
    steady: bool

    @property
    def offered(self) -> float:
        """I/Os per second that all servers together are asked to make; 0 if as many as they can."""
        return self.clients * self.rate

    @property
    def slots(self) -> int:
        """I/Os that one server may have under way at the same time."""
        return self.iodepth * self.numjobs


Point = HttpPoint | StoragePoint


def scales(clients: Clients | None, maximum: int) -> list[int]:
    """The numbers of clients that a progression runs, ascending, the maximum always among them."""
    if clients is None:
        return [maximum]
    return [*range(clients.start, maximum, clients.step), maximum]


def expand(scenario: Scenario) -> tuple[Point, ...]:
    """The scenario's points, by scale; then by rate, as numbers, or as the file lists its profiles."""
    numbers = scales(scenario.load.clients, scenario.topology.servers)
    if isinstance(scenario, StorageScenario):
        return tuple(
            storage_point(scenario, clients, profile)
            for clients in numbers
            for profile in scenario.load.profiles
        )
    return tuple(
        _http_point(scenario, clients, rate) for clients in numbers for rate in sorted(scenario.load.rate)
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
        warm_up=load.warm_up or 0.0,
        duration=load.duration,
        max_duration=load.max_duration or load.duration,
        timeout=load.timeout,
        find_warm_up=load.warm_up is None,
        tls=load.tls,
    )


def storage_point(scenario: StorageScenario, clients: int, profile: Profile) -> StoragePoint:
    """One profile at one scale."""
    load = scenario.load
    return StoragePoint(
        id=f"{scenario.name}-clients-{clients}-{profile.key}",
        scenario=scenario.name,
        clients=clients,
        profile=profile.name,
        mode=profile.mode,
        block_size=profile.block_size,
        iodepth=profile.iodepth,
        numjobs=profile.numjobs,
        reads=profile.reads,
        rate=float(profile.rate_iops or (profile.rate or 0) / profile.block_size),
        unit="bytes" if profile.rate else "iops",
        extra=tuple((option, str(value)) for option, value in profile.extra.items()),
        ramp=load.ramp,
        duration=load.duration,
        max_duration=load.max_duration or load.duration,
        steady=load.steady,
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
