"""The scenario schema: what a YAML file may say. `load.py` reads it, `points.py` expands it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from kb_tests.scenario.units import Duration, Share, Size

ScenarioName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
PERCENTILE = r"p([0-9]{1,2}(\.[0-9]{1,4})?|100)"


def _percentile(key: str) -> str:
    if re.fullmatch(PERCENTILE, key) is None:
        raise ValueError("percentiles are written like p50, p99, p99.9")
    return key


Percentile = Annotated[
    str, AfterValidator(_percentile), WithJsonSchema({"type": "string", "pattern": f"^{PERCENTILE}$"})
]


class Section(BaseModel):
    """A part of the file: no key that we do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Flavor(Section):
    """What one server gets; `disk: 0GiB` means what the image needs."""

    vcpus: Annotated[int, Field(ge=1, le=256)] = 1
    ram: Size = 2 << 30
    disk: Size = 0


class Clients(Section):
    """A progression of scale: start, start + step, ... and always the maximum.

    `{start: 1, step: 2}` with 4 servers means 1, 3, 4.
    """

    start: Annotated[int, Field(ge=1)] = 1
    step: Annotated[int, Field(ge=1)] = 1


class HttpTopology(Section):
    """HTTP servers behind routers, and as many traffic generators on a network of their own."""

    tenants: Annotated[int, Field(ge=1, le=1000)] = 1
    routers_per_tenant: Annotated[int, Field(ge=1, le=20)] = 1
    networks_per_router: Annotated[int, Field(ge=1, le=200)] = 1
    servers_per_network: Annotated[int, Field(ge=1, le=1000)] = 1
    flavor: Flavor = Flavor()

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
    """Rates are per generator; every rate at every scale is a point. Rate 0 is a closed loop."""

    page_size: Size = 32 << 10
    connections: Annotated[int, Field(ge=1, le=60_000)] = 100
    keep_alive: bool = True
    rate: Annotated[list[Annotated[float, Field(ge=0, le=1_000_000)]], Field(min_length=1, max_length=100)]
    clients: Clients | None = None
    warm_up: Duration = 5.0
    duration: Duration = 30.0
    max_duration: Duration | None = None
    timeout: Duration = 5.0

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

    @model_validator(mode="after")
    def _extends(self) -> Self:
        if self.max_duration is not None and self.max_duration < self.duration:
            raise ValueError("max_duration may not be shorter than duration")
        if self.timeout <= 0:
            raise ValueError("timeout has to be longer than 0s")
        return self


class Latency(Section):
    """Limits by percentile, from "p50" to "p100" (the longest)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    __pydantic_extra__: dict[Percentile, Duration]

    def limits(self) -> dict[float, float]:
        """{percent: seconds}, ascending."""
        return dict(sorted((float(key[1:]), limit) for key, limit in self.__pydantic_extra__.items()))

    @model_validator(mode="after")
    def _rising(self) -> Self:
        limits = list(self.limits().values())
        if not limits or limits != sorted(limits) or limits[0] <= 0:
            raise ValueError("name at least one percentile; limits are above 0 and do not fall as it rises")
        return self


class HttpSla(Section):
    """What must hold; what is not named is not judged, but at least one limit must be."""

    latency: Latency | None = None
    achieved: Share | None = None
    errors: Share | None = None
    staging: Duration | None = None
    confidence: Share = 0.95

    @field_validator("confidence")
    @classmethod
    def _usable(cls, confidence: float) -> float:
        if not 0.5 <= confidence <= 0.9999:
            raise ValueError("a confidence from 50% to 99.99% is allowed here")
        return confidence

    @model_validator(mode="after")
    def _judges(self) -> Self:
        if self.latency is None and self.achieved is None and self.errors is None:
            raise ValueError(
                "name at least one of latency, achieved, errors: a point without a limit proves nothing"
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

    @model_validator(mode="after")
    def _fits(self) -> Self:
        clients = self.load.clients
        if clients is not None and clients.start > self.topology.servers:
            raise ValueError(
                f"load.clients.start may not exceed the {self.topology.servers} servers of the topology"
            )
        if self.sla.achieved is not None and 0 in self.load.rate:
            raise ValueError("sla.achieved has no meaning for rate 0, which offers no rate")
        return self


Scenario = HttpScenario
"""Any scenario; a union discriminated by `kind` once there are more kinds."""
