"""The scenario schema of `kind: storage`: fio profiles on volumes, server disks or directories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from kb_tests.scenario.base import (
    Clients,
    Confidence,
    Latency,
    Point,
    ScenarioName,
    check_scale,
    shared,
)
from kb_tests.scenario.baseline import Baseline
from kb_tests.scenario.capacity import AtLeast, StorageCapacity, check_search, gate_alone, searched, start
from kb_tests.scenario.hooks import Hook, Recovery, check_hooks
from kb_tests.scenario.profile import ONE_AT_A_TIME, Profile, not_verifiable, syncs
from kb_tests.scenario.section import Section
from kb_tests.scenario.storage_topology import StorageTopology
from kb_tests.scenario.units import Duration, Share


class StorageLoad(Section):
    """Every profile at every scale is a point.

    `steady` (SNIA): a point runs on, in rounds of `duration` / 5, until five rounds in a row are alike, or
    for `max_duration`. With `verify`, what was written is read back when the load has ended, and has to be
    what was written last. With `capacity` the load of each profile is searched: of `rate_iops` or `iodepth`,
    which then stand there, or of `clients`.
    """

    profiles: Annotated[list[Profile], Field(min_length=1, max_length=50)]
    clients: Clients | None = None
    ramp: Duration = 5.0
    duration: Duration = 30.0
    max_duration: Duration | None = None
    steady: bool = False
    verify: bool = False
    capacity: StorageCapacity | None = None

    @model_validator(mode="before")
    @classmethod
    def _searched(cls, data: Any) -> Any:
        for key in ("rate_iops", "iodepth"):
            begin, profiles = start(data, key), data.get("profiles") if isinstance(data, Mapping) else None
            if begin is None or not isinstance(profiles, list):
                continue
            for profile in profiles:
                if isinstance(profile, Mapping) and profile.get(key) not in (None, begin):
                    raise ValueError(
                        f"{key} of profile {profile.get('name')} has no meaning beside a search of it:"
                        " capacity says from where to where"
                    )
            given = [{**each, key: begin} if isinstance(each, Mapping) else each for each in profiles]
            return {**data, "profiles": given}
        return data

    @field_validator("profiles")
    @classmethod
    def _distinct(cls, profiles: list[Profile]) -> list[Profile]:
        if len({profile.key for profile in profiles}) != len(profiles):
            raise ValueError("each profile needs a name of its own, since it names a test")
        return profiles

    @field_validator("ramp")
    @classmethod
    def _time_to_start(cls, ramp: float) -> float:
        if not 1 <= ramp <= 3600:
            raise ValueError("a ramp from 1s to 1h is allowed here: fio itself takes a moment to start")
        return ramp

    @field_validator("duration")
    @classmethod
    def _long_enough(cls, duration: float) -> float:
        if not 2 <= duration <= 86_400:
            raise ValueError("a point runs for 2s to 24h")
        return duration

    @model_validator(mode="after")
    def _extends(self) -> Self:
        if self.max_duration is not None and not self.duration <= self.max_duration <= 86_400:
            raise ValueError("max_duration may not be shorter than duration, nor longer than 24h")
        if self.steady and (self.duration < 5 or self.max_duration is None):
            raise ValueError("steady needs a duration of 5s at least, and a max_duration")
        return self

    @model_validator(mode="after")
    def _verifiable(self) -> Self:
        if not self.verify:
            return self
        if self.steady:
            raise ValueError(
                "verify reads back after the load, and steady runs in rounds: ask for one of them"
            )
        writing = [profile for profile in self.profiles if profile.reads < 1]
        if not writing:
            raise ValueError("verify reads back what was written, and no profile writes")
        seconds = self.ramp + max(self.duration, self.max_duration or 0)
        for profile in writing:
            if why := not_verifiable(profile, seconds):
                raise ValueError(f"verify cannot be with profile {profile.name}: {why}")
        return self


class StorageSla(Section):
    """What must hold; a longest stall is always limited, and no I/O may fail unless `errors` allows it.

    Latencies are those of profiles with a rate, from when each I/O was due. A profile without one asks again
    as soon as it is answered: such a closed loop has service times, which say little of the wait of anybody
    who asks at a rate. They are judged only where they are limited as such.
    """

    read_latency: Latency | None = None
    write_latency: Latency | None = None
    read_service_time: Latency | None = None
    write_service_time: Latency | None = None
    achieved: Share | None = None
    max_stall: Duration = 1.0
    errors: Share = 0.0
    recovery: Recovery | None = None
    baseline: Baseline | None = None
    staging: Duration | None = None
    capacity: AtLeast | None = None
    confidence: Confidence = 0.95

    @field_validator("max_stall")
    @classmethod
    def _measurable(cls, stall: float) -> float:
        if not 0.1 <= stall <= 20:
            raise ValueError("a stall from 100ms to 20s can be limited; a longer one is a disk that hangs")
        return stall

    def times(self, rate: float) -> dict[tuple[str, str], Latency]:
        """The limits on times that count at this rate: {("read" or "write", of what): limits}."""
        if rate:
            found = {("read", "latency"): self.read_latency, ("write", "latency"): self.write_latency}
        else:
            found = {
                ("read", "service time"): self.read_service_time,
                ("write", "service time"): self.write_service_time,
            }
        return {key: limits for key, limits in found.items() if limits is not None}


_OF_LOOP = {True: "with", False: "without"}
_OTHER_LOOP = {
    True: "is for profiles with a rate, and there is none: a closed loop has sla.{direction}_service_time",
    False: "is for profiles without a rate, and there is none: at a rate there is sla.{direction}_latency",
}


class StorageScenario(Section):
    """A file of `kind: storage`."""

    name: ScenarioName
    kind: Literal["storage"]
    description: str = ""
    topology: StorageTopology
    load: StorageLoad
    sla: StorageSla = StorageSla()
    hooks: Annotated[list[Hook], Field(max_length=20)] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _at_least(cls, data: Any) -> Any:
        """Without a search one point a profile, at the least capacity, decides."""
        least, load = (gate_alone(data.get("sla")), data.get("load")) if isinstance(data, Mapping) else (0, 0)
        if not least or not isinstance(load, Mapping) or load.get("capacity") is not None:
            return data
        try:
            servers = StorageTopology.model_validate(data.get("topology", {})).servers
        except ValueError:
            return data
        rate = least / servers
        if rate != int(rate):
            raise ValueError(f"sla.capacity.at_least is not to be shared by {servers} servers in whole IOPS")
        if load.get("clients") is not None:
            raise ValueError("sla.capacity.at_least is of all servers together: leave load.clients out")
        profiles = load.get("profiles")
        rated = [each for each in profiles or () if isinstance(each, Mapping)]
        if any(each.get("rate") or each.get("rate_iops", int(rate)) != rate for each in rated):
            raise ValueError(
                "sla.capacity.at_least says the rate_iops of the points that decide it: leave the profiles'"
                " rates out, or search with load.capacity"
            )
        given = [{**each, "rate_iops": int(rate)} for each in rated]
        return {**data, "load": {**load, "profiles": given}} if given else data

    @model_validator(mode="after")
    def _search_fits(self) -> Self:
        capacity, sla = self.load.capacity, self.sla
        if capacity is None:
            return self
        limits: dict[str, float | None] = {
            f"{name}_{what.replace(' ', '_')}.p{percent:g}": 1 - percent / 100
            for rate in (1.0, 0.0)
            for (name, what), latency in sla.times(rate).items()
            for percent in latency.limits()
        }
        if sla.achieved is not None:
            limits["achieved"] = 1 - sla.achieved
        if sla.errors or "errors" in sla.model_fields_set:
            limits["errors"] = sla.errors
        if sla.max_stall != StorageSla().max_stall:
            limits["max_stall"] = None
        check_search(
            capacity,
            sla,
            self.load,
            servers=self.topology.servers,
            limits=limits,
            repeated=("steady", "verify"),
        )
        for profile in self.load.profiles:
            if capacity.of == "iodepth" and profile.rated:
                raise ValueError(
                    f"load.capacity of iodepth needs a closed loop, and profile {profile.name} has a rate,"
                    " which more I/Os under way do not raise"
                )
            if capacity.of == "iodepth" and (
                profile.syncs or profile.extra.get("ioengine") in ONE_AT_A_TIME or capacity.most > 4096
            ):
                raise ValueError(
                    f"load.capacity of iodepth goes up to 4096, and not where profile {profile.name} makes"
                    " one I/O at a time"
                )
            if capacity.of == "clients" and not profile.rated:
                raise ValueError(
                    f"load.capacity of clients needs a rate, and profile {profile.name} has none: a closed"
                    " loop asks for as much as goes at every scale"
                )
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_scale(self.load.clients, self.topology.servers, len(self.load.profiles))
        check_hooks(
            self.hooks,
            self.sla.recovery,
            self.load,
            duration=self.load.duration,
            max_duration=self.load.max_duration,
            roles={"server": self.load.clients.start if self.load.clients else self.topology.servers},
        )
        for profile in self.load.profiles:
            if profile.block_size * profile.numjobs > self.topology.file_size:
                raise ValueError(f"the blocks of profile {profile.name} do not fit into topology.file_size")
            if not profile.rated and self.sla.achieved is not None:
                raise ValueError(f"sla.achieved has no meaning for profile {profile.name}, which has no rate")
        for rated in (True, False):
            for direction, what in self.sla.times(rated):
                shares = [
                    profile.reads if direction == "read" else 1 - profile.reads
                    for profile in self.load.profiles
                    if profile.rated == rated
                ]
                key = f"{direction}_{what.replace(' ', '_')}"
                if not shares:
                    raise ValueError(f"sla.{key} {_OTHER_LOOP[rated].format(direction=direction)}")
                if not any(shares):
                    raise ValueError(f"sla.{key} limits what no profile {_OF_LOOP[rated]} a rate does")
        return self


@dataclass(frozen=True, kw_only=True)
class StoragePoint(Point):
    """One fio profile at one scale.

    `rate` is I/Os per second *per server*, reads and writes together, 0 for as fast as it goes; of it,
    and of the I/Os, `reads` is the share of reads. Durations are seconds, sizes bytes. `unit` is that of
    the rate as the scenario gives it: "iops" or "bytes". `verify`: whether what it writes is read back.
    """

    kind = "storage"
    units = Point.units | {"block_size": "B", "ramp": "s"}
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
    steady: bool
    verify: bool = False

    @property
    def before(self) -> float:
        """Seconds of load ahead of the measured window."""
        return self.ramp

    @property
    def offered(self) -> float:
        """I/Os per second that all servers together are asked to make; 0 if as many as they can."""
        return self.clients * self.rate

    @property
    def load(self) -> str:
        """Its profile."""
        return self.profile

    @property
    def size(self) -> int:
        """Of a block."""
        return self.block_size

    @property
    def syncs(self) -> int:
        """After how many writes fio syncs, at the least; 0 if it does not."""
        return syncs(self.extra) if self.reads < 1 else 0

    @property
    def slots(self) -> int:
        """I/Os that one server may have under way at the same time."""
        return self.iodepth * self.numjobs


def storage_point(scenario: StorageScenario, clients: int, profile: Profile) -> StoragePoint:
    """One profile at one scale."""
    load = scenario.load
    own = {
        "id": f"{scenario.name}-clients-{clients}-{profile.key}",
        "scenario": scenario.name,
        "clients": clients,
        "profile": profile.name,
        "rate": float(profile.rate_iops or (profile.rate or 0) / profile.block_size),
        "unit": "bytes" if profile.rate else "iops",
        "extra": tuple((option, str(value)) for option, value in profile.extra.items()),
        "max_duration": load.max_duration or load.duration,
        "verify": load.verify and profile.reads < 1,
        "by_second": bool(scenario.hooks or scenario.sla.recovery),
    }
    return StoragePoint(**shared(load, StoragePoint) | shared(profile, StoragePoint) | own)


def storage_points(scenario: StorageScenario, clients: int) -> list[StoragePoint]:
    """Those of one scale, as the file lists their profiles."""
    points = [storage_point(scenario, clients, profile) for profile in scenario.load.profiles]
    if scenario.load.capacity is None:
        return points
    keys = [profile.key for profile in scenario.load.profiles]
    capacity = scenario.load.capacity
    return [searched(point, capacity, key) for point, key in zip(points, keys, strict=True)]
