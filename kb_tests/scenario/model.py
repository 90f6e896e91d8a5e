"""The scenario schema: what a YAML file may say. `load.py` reads it, `points.py` expands it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kb_tests.scenario.units import Duration, Share, Size

ScenarioName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Percentile = Annotated[str, StringConstraints(pattern=r"^p(\d{1,2}(\.\d{1,4})?|100)$")]


class Section(BaseModel):
    """A part of the file: no key that we do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Flavor(Section):
    """What one server gets; `disk: 0GiB` means what the image needs."""

    vcpus: Annotated[int, Field(ge=1, le=256)] = 1
    ram: Size = 2 << 30
    disk: Size = 0


class Clients(Section):
    """A progression of scale: start, start - 1 + step, ... and always the maximum.

    `{start: 1, step: 2}` with 4 means 1, 3, 4.
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


class Latency(Section):
    """Limits by percentile, from "p50" to "p100" (the longest)."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[Percentile, Duration]

    def limits(self) -> dict[float, float]:
        """{percent: seconds}, ascending."""
        return {float(key[1:]): limit for key, limit in sorted(self.__pydantic_extra__.items())}


class HttpSla(Section):
    """What must hold; what is not named is not judged, but at least one limit must be."""

    latency: Latency | None = None
    achieved: Share | None = None
    errors: Share | None = None
    staging: Duration | None = None
    confidence: Share = 0.95


class HttpScenario(Section):
    """A file of `kind: http`."""

    name: ScenarioName
    kind: Literal["http"]
    description: str = ""
    topology: HttpTopology = HttpTopology()
    load: HttpLoad
    sla: HttpSla


Scenario = HttpScenario
"""Any scenario; a union discriminated by `kind` once there are more kinds."""
