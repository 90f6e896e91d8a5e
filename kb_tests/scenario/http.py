"""HTTP scenarios: their topology, load, SLA and points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from kb_tests.scenario.base import (
    Clients,
    Confidence,
    Flavor,
    Latency,
    Point,
    ScenarioName,
    check_scale,
    shared,
)
from kb_tests.scenario.baseline import Baseline
from kb_tests.scenario.capacity import AtLeast, HttpCapacity, check_search, gate_alone, searched, start
from kb_tests.scenario.hooks import Hook, Recovery, check_hooks
from kb_tests.scenario.placement import Placement
from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Duration, Share, Size, WarmUp

SHORTEST_TO_SETTLE = 20.0
"""Seconds of a window in which a warm-up can be found."""


class HttpTopology(Section):
    """HTTP servers behind routers, and as many traffic generators on a network of their own."""

    tenants: Annotated[int, Field(ge=1, le=1000)] = 1
    routers_per_tenant: Annotated[int, Field(ge=1, le=20)] = 1
    networks_per_router: Annotated[int, Field(ge=1, le=200)] = 1
    servers_per_network: Annotated[int, Field(ge=1, le=1000)] = 1
    flavor: Flavor = Flavor()
    placement: Placement = Placement()

    @property
    def routers(self) -> int:
        """Routers of all tenants."""
        return self.tenants * self.routers_per_tenant

    @property
    def networks(self) -> int:
        """Server networks of all tenants."""
        return self.routers * self.networks_per_router

    @property
    def servers(self) -> int:
        """HTTP servers, and as many generators."""
        return self.networks * self.servers_per_network


class HttpLoad(Section):
    """Rates are per generator; every rate at every scale is a point. Rate 0 is a closed loop.

    `tls` is HTTPS with a certificate made for the run, and a full handshake for each connection.
    `warm_up` precedes `duration`. If it is `auto` (None here), it is found afterwards at the beginning of
    `duration` and cut off, at most half of it. With `capacity` the load is searched: of `rate`, which then
    stands there, or of `clients`.
    """

    page_size: Size = 32 << 10
    connections: Annotated[int, Field(ge=1, le=60_000)] = 100
    keep_alive: bool = True
    tls: bool = False
    rate: Annotated[list[Annotated[float, Field(ge=0, le=1_000_000)]], Field(min_length=1, max_length=100)]
    clients: Clients | None = None
    warm_up: WarmUp = 5.0
    duration: Duration = 30.0
    max_duration: Duration | None = None
    timeout: Duration = 5.0
    capacity: HttpCapacity | None = None

    @model_validator(mode="before")
    @classmethod
    def _searched(cls, data: Any) -> Any:
        begin = start(data, "rate", ("clients",))
        if begin is None:
            return data
        if data.get("rate", [begin]) != [begin]:
            raise ValueError("rate has no meaning beside a search of it: capacity says from where to where")
        return {**data, "rate": [begin]}

    @field_validator("rate")
    @classmethod
    def _distinct(cls, rates: list[float]) -> list[float]:
        if len(set(rates)) != len(rates):
            raise ValueError("each rate may stand here once, since it names a test")
        return rates

    @field_validator("duration")
    @classmethod
    def _long_enough(cls, duration: float) -> float:
        if duration < 1:
            raise ValueError("a point has to run for at least 1s")
        return duration

    @field_validator("duration", "max_duration", "warm_up", "timeout")
    @classmethod
    def _of_a_day(cls, seconds: float | None) -> float | None:
        if seconds is not None and seconds > 86_400:
            raise ValueError("24h at most are allowed here")
        return seconds

    @model_validator(mode="after")
    def _extends(self) -> Self:
        if self.max_duration is not None and self.max_duration < self.duration:
            raise ValueError("max_duration may not be shorter than duration")
        if self.timeout <= 0:
            raise ValueError("timeout has to be longer than 0s")
        if self.warm_up is None and self.duration < SHORTEST_TO_SETTLE:
            raise ValueError(f"warm_up: auto needs a duration of {SHORTEST_TO_SETTLE:g}s at least")
        return self


class HttpSla(Section):
    """What must hold; what is not named is not judged, but at least one limit must be.

    `connections` is judged always where connections are kept: all of them are open when the measured window
    begins, and never fewer than this share of them in it. Beside hooks or `recovery`, which may well break
    some, that share is 0 unless it is named.
    """

    latency: Latency | None = None
    achieved: Share | None = None
    errors: Share | None = None
    connections: Share = 0.99
    recovery: Recovery | None = None
    baseline: Baseline | None = None
    staging: Duration | None = None
    capacity: AtLeast | None = None
    confidence: Confidence = 0.95

    @model_validator(mode="after")
    def _judges(self) -> Self:
        if not (self.latency or self.recovery) and self.achieved is None and self.errors is None:
            raise ValueError(
                "name at least one of latency, achieved, errors, recovery: a point without a limit proves"
                " nothing"
            )
        return self


class HttpScenario(Section):
    """A file of `kind: http`."""

    name: ScenarioName
    kind: Literal["http"]
    description: str = ""
    topology: HttpTopology = HttpTopology()
    load: HttpLoad
    sla: HttpSla
    hooks: Annotated[list[Hook], Field(max_length=20)] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _connections_may_break(cls, data: Any) -> Any:
        sla = data.get("sla") if isinstance(data, Mapping) else None
        if isinstance(sla, Mapping) and (data.get("hooks") or "recovery" in sla):
            return {**data, "sla": {"connections": "0%"} | dict(sla)}
        return data

    @model_validator(mode="before")
    @classmethod
    def _at_least(cls, data: Any) -> Any:
        """Without a search one point at the least capacity decides."""
        least, load = (gate_alone(data.get("sla")), data.get("load")) if isinstance(data, Mapping) else (0, 0)
        if not least or not isinstance(load, Mapping) or load.get("capacity") is not None:
            return data
        try:
            rate = least / HttpTopology.model_validate(data.get("topology", {})).servers
        except ValueError:
            return data
        if load.get("clients") is not None:
            raise ValueError("sla.capacity.at_least is of all generators together: leave load.clients out")
        if load.get("rate", [rate]) != [rate]:
            raise ValueError(
                "sla.capacity.at_least says the rate of the point that decides it: leave load.rate out, or"
                " search with load.capacity"
            )
        return {**data, "load": {**load, "rate": [rate]}}

    @model_validator(mode="after")
    def _search_fits(self) -> Self:
        sla = self.sla
        if self.load.capacity is None:
            return self
        latency = sla.latency.limits() if sla.latency else {}
        limits: dict[str, float | None] = {f"latency.p{percent:g}": 1 - percent / 100 for percent in latency}
        if sla.achieved is not None:
            limits["achieved"] = 1 - sla.achieved
        if sla.errors is not None:
            limits["errors"] = sla.errors
        check_search(self.load.capacity, sla, self.load, servers=self.topology.servers, limits=limits)
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_scale(self.load.clients, self.topology.servers, len(self.load.rate))
        smallest = self.load.clients.start if self.load.clients else self.topology.servers
        check_hooks(
            self.hooks,
            self.sla.recovery,
            self.load,
            duration=self.load.duration,
            max_duration=self.load.max_duration,
            roles={"server": smallest, "client": smallest},
        )
        if self.load.capacity is not None and 0 in self.load.rate:
            raise ValueError("load.capacity has no meaning for rate 0, which offers as much as is answered")
        if self.sla.achieved is not None and 0 in self.load.rate:
            raise ValueError("sla.achieved has no meaning for rate 0, which offers no rate")
        if self.sla.latency is not None and 0 in self.load.rate:
            raise ValueError(
                "sla.latency has no meaning for rate 0, which asks only as fast as it is answered and so does"
                " not see what a stall does to users; limit errors alone, or give rates"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class HttpPoint(Point):
    """One HTTP rate at one scale.

    Durations are seconds, sizes bytes. `rate` is requests per second *per generator*;
    0 means a closed loop: every connection sends again as soon as it is answered.
    `clients` generators take part; each of them loads exactly one server. With `find_warm_up` there is no
    warm-up before the measured window; it is found in the window's first half, and cut off.
    """

    kind = "http"
    units = Point.units | {"page_size": "B", "warm_up": "s", "timeout": "s"}
    rate: float
    connections: int
    page_size: int
    keep_alive: bool
    warm_up: float
    timeout: float
    find_warm_up: bool = False
    tls: bool = False

    @property
    def before(self) -> float:
        """Seconds of load ahead of the measured window."""
        return self.warm_up

    @property
    def offered(self) -> float:
        """Requests per second that all generators together are asked to send."""
        return self.clients * self.rate

    @property
    def load(self) -> str:
        """Its rate."""
        return f"{self.rate:g}"

    @property
    def size(self) -> int:
        """Of a page."""
        return self.page_size


def http_points(scenario: HttpScenario, clients: int) -> list[HttpPoint]:
    """Those of one scale, by rate, as numbers."""
    points = [http_point(scenario, clients, rate) for rate in sorted(scenario.load.rate)]
    if scenario.load.capacity is None:
        return points
    return [searched(point, scenario.load.capacity, f"rate-{_plain(point.rate)}") for point in points]


def http_point(scenario: HttpScenario, clients: int, rate: float) -> HttpPoint:
    """One rate at one scale."""
    load = scenario.load
    own = {
        "id": f"{scenario.name}-clients-{clients}-rate-{_plain(rate)}",
        "scenario": scenario.name,
        "clients": clients,
        "rate": rate,
        "warm_up": load.warm_up or 0.0,
        "max_duration": load.max_duration or load.duration,
        "find_warm_up": load.warm_up is None,
        "by_second": bool(scenario.hooks or scenario.sla.recovery),
    }
    return HttpPoint(**shared(load, HttpPoint) | own)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
