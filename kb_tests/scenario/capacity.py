"""What a scenario says of a capacity: a search for it (`load.capacity`), and how much it has to be at least.

`from` and `to` are per generator, as every rate of a scenario; `at_least` is of all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

from pydantic import ConfigDict, Field, field_validator, model_validator

from kb_tests.scenario.base import Point
from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Duration, Share, counted, format_duration

P = TypeVar("P", bound=Point)

SHORTEST_PROBE = 5.0
"""Seconds: fewer batches of time show no share to be small."""

Positive = Annotated[float, Field(gt=0, le=100_000_000, allow_inf_nan=False)]

WHOLE = ("clients", "iodepth", "rate_iops")
"""What is searched in whole numbers."""

OF_ALL = ("rate", "rate_iops", "iodepth")
"""What each generator has, so that all of them together have it times their number."""


class Capacity(Section):
    """A search for the largest load from `from` to `to` that keeps the SLA.

    `of` is what is searched, per generator or server; `clients` searches their number. `step` is how much
    more each load of the ramp is than the last: an island of failure narrower than this may be overlooked.
    `width` is that of the interval which is good enough. `probe` is the window of each load, `budget` the
    time of the whole search.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, serialize_by_alias=True, validate_by_name=False
    )

    of: str
    least: Annotated[Positive, Field(alias="from")]
    most: Annotated[Positive, Field(alias="to")]
    step: Share = 0.25
    width: Share = 0.05
    probe: Duration = 30.0
    budget: Duration = 1800.0

    @property
    def whole(self) -> bool:
        """Whether only whole numbers can be offered."""
        return self.of in WHOLE

    @property
    def ramp(self) -> float:
        """Seconds of the probes that only guide."""
        return max(SHORTEST_PROBE, self.probe / 6)

    @field_validator("step")
    @classmethod
    def _a_step(cls, step: float) -> float:
        if not 0.01 <= step <= 1:
            raise ValueError("a step from 1% to 100% is allowed here")
        return step

    @field_validator("width")
    @classmethod
    def _a_width(cls, width: float) -> float:
        if not 0.005 <= width <= 0.5:
            raise ValueError("a width from 0.5% to 50% is allowed here")
        return width

    @field_validator("probe")
    @classmethod
    def _a_probe(cls, probe: float) -> float:
        if not SHORTEST_PROBE <= probe <= 3600:
            raise ValueError(f"a probe from {SHORTEST_PROBE:g}s to 1h is allowed here")
        return probe

    @field_validator("budget")
    @classmethod
    def _a_budget(cls, budget: float) -> float:
        if budget > 86_400:
            raise ValueError("24h at most are allowed here")
        return budget

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.budget < 2 * self.probe:
            raise ValueError(
                f"budget has to hold two probes of {format_duration(self.probe)} at least, and holds"
                f" {format_duration(self.budget)}"
            )
        if self.least >= self.most:
            raise ValueError(f"from has to be below to, and {self.least:.12g} is not below {self.most:.12g}")
        if self.whole and (self.least != int(self.least) or self.most != int(self.most)):
            raise ValueError(f"of: {self.of} is searched in whole numbers: from and to are such")
        return self


class HttpCapacity(Capacity):
    """A search over HTTP: `rate` is requests/s per generator, `clients` how many generators take part."""

    of: Literal["rate", "clients"]


class StorageCapacity(Capacity):
    """A search over storage: `rate_iops` and `iodepth` are per server, `clients` how many take part."""

    of: Literal["rate_iops", "iodepth", "clients"]


class AtLeast(Section):
    """What a capacity has to be at least, of all generators together.

    Beside a search its interval is held against it. Without one, a single point at that load decides.
    """

    at_least: Positive


def of_all(capacity: Capacity, load: float, clients: int) -> float:
    """What `load` per generator comes to, of `clients` generators together."""
    return load * clients if capacity.of in OF_ALL else load


def unit(of: str) -> str:
    """What the searched figure counts, for people."""
    return {"rate": "requests/s", "rate_iops": "IOPS", "iodepth": "I/Os under way", "clients": "clients"}[of]


class Judged(Protocol):
    """What a search asks of an SLA of any kind."""

    @property
    def capacity(self) -> AtLeast | None:
        """What it has to be at least."""

    @property
    def baseline(self) -> Section | None:
        """What points are held against."""


def check_search(
    capacity: Capacity,
    sla: Judged,
    load: Section,
    *,
    servers: int,
    limits: Mapping[str, float | None],
    repeated: tuple[str, ...] = (),
) -> None:
    """Whether a search fits its scenario; raises ValueError if not.

    `limits` are the shares that the SLA's limits allow, None for one on the sample that was named. `repeated`
    are keys of the load that a search has no use for.
    """
    for sentence in _mistakes(capacity, load, servers, repeated):
        raise ValueError(sentence)
    for name, allowed in limits.items():
        if allowed is None or allowed <= 0:
            raise ValueError(
                f"sla.{name} speaks of the sample alone, and breaks at a lower load the longer a point runs:"
                " a search cannot tell where it is kept; leave it out, or allow a share"
            )
    if not limits:
        raise ValueError("load.capacity needs a limit of latency, achieved or errors to search by")
    if sla.baseline is not None:
        raise ValueError("sla.baseline has no meaning beside load.capacity, whose loads no other run has")
    if sla.capacity is None:
        return
    if getattr(load, "clients", None) is not None:
        raise ValueError(
            "sla.capacity.at_least is of all generators together, and each scale of load.clients has others;"
            " leave one of them out"
        )
    low, high = (of_all(capacity, end, servers) for end in (capacity.least, capacity.most))
    least = sla.capacity.at_least
    if not low <= least <= high:
        raise ValueError(
            f"sla.capacity.at_least is {least:.12g}, and the search goes from {low:.12g} to {high:.12g} of"
            f" all {servers} together; it could not tell"
        )


def _mistakes(capacity: Capacity, load: Section, servers: int, repeated: tuple[str, ...]) -> Iterator[str]:
    given = load.model_fields_set
    if "duration" in given and getattr(load, "duration", None) not in (None, capacity.probe):
        yield "load.duration has no meaning beside load.capacity: its probe says how long each load lasts"
    for key in ("max_duration", *repeated):
        if getattr(load, key, None):
            yield f"load.{key} has no meaning beside load.capacity, which runs each load as often as it takes"
    if "warm_up" in type(load).model_fields and getattr(load, "warm_up", None) is None:
        yield "load.warm_up: auto needs longer windows than a search's probes; give a duration"
    clients = getattr(load, "clients", None)
    if clients is not None and clients.stop_at_failure:
        yield "load.clients.stop_at_failure has no meaning beside load.capacity: each scale is searched"
    if capacity.of == "clients":
        if clients is not None:
            yield "load.clients has no meaning beside a search of clients: from and to say how many there are"
        if capacity.most > servers:
            yield (
                f"load.capacity.to is {capacity.most:g} clients, and the topology has"
                f" {counted(servers, 'server')} for them"
            )


def gate_alone(sla: object) -> float | None:
    """What an SLA's data, as a file has them, asks a capacity to be at least; None if it does not."""
    gate = sla.get("capacity") if isinstance(sla, Mapping) else None
    value = gate.get("at_least") if isinstance(gate, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None


def start(load: object, of: str, others: tuple[str, ...] | None = None) -> Any:
    """What a search of `of` begins at, as a file's `load` has it; None if there is no such search.

    Where its beginning is no load at all, and where what it searches is neither that nor one of `others`, any
    load: then those mistakes are told, and not that a rate is missing, which no search has.
    """
    if not isinstance(load, Mapping) or not isinstance(found := load.get("capacity"), Mapping):
        return None
    begin, asked = found.get("from"), found.get("of")
    if asked != of:
        wrong = others is not None and asked not in others and "rate" not in load
        return 1.0 if wrong else None
    if not isinstance(begin, int | float) or isinstance(begin, bool) or not 0 < begin < math.inf:
        return 1
    return int(begin) if of in WHOLE and isinstance(begin, float) and begin.is_integer() else begin


def searched(point: P, capacity: Capacity, load: str) -> P:
    """The point that stands for a search which begins there; `load` is the rest of what names it."""
    scale = load if capacity.of == "clients" else f"clients-{point.clients}"
    if capacity.of != "clients" and not load.startswith("rate-"):
        scale = f"{scale}-{load}"
    return replace(
        point,
        id=f"{point.scenario}-{scale}-capacity",
        clients=int(capacity.least) if capacity.of == "clients" else point.clients,
        duration=capacity.probe,
        max_duration=capacity.budget,
        search=capacity.of,
    )


def probed(search: P, load: float, seconds: float, number: int, attempt: int = 1) -> P:
    """The point of one probe of a search, in its `attempt`: one that is run again makes other probes."""
    value = int(load) if search.search in WHOLE else load
    field = "rate" if search.search == "rate_iops" else search.search
    again = f"attempt-{attempt}-" if attempt > 1 else ""
    typed: Any = {field: float(value) if field == "rate" else value}
    return replace(
        search,
        id=f"{search.id}-{again}{number}-{search.search.replace('_', '-')}-{value:g}",
        duration=seconds,
        max_duration=seconds,
        search="",
        **typed,
    )
