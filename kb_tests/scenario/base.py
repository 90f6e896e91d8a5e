"""What scenarios of every kind share: sections without unknown keys, names, scale, latency limits."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from kb_tests.scenario.baseline import Baseline as BaselineLimit
from kb_tests.scenario.hooks import Hook, RecoveryLimit
from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Duration, Share, Size, counted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def written_as(pattern: str, most: int, allowed: str) -> tuple[AfterValidator, WithJsonSchema]:
    """What an annotation of a text needs that looks like `pattern` and has `most` characters: people are told
    what is `allowed`.
    """

    def check(text: str) -> str:
        if len(text) > most or re.fullmatch(pattern, text) is None:
            raise ValueError(f"{allowed}, of {most} characters at most, is allowed here")
        return text

    schema = {"type": "string", "pattern": f"^{pattern}$", "maxLength": most}
    return AfterValidator(check), WithJsonSchema(schema)


ScenarioName = Annotated[
    str,
    *written_as(
        r"[a-z0-9]+(-[a-z0-9]+)*",
        40,
        "a name of small letters a to z, digits, and single hyphens between them, such as http-east-west",
    ),
]
PERCENTILE = r"p([0-9]{1,2}(\.[0-9]{1,4})?|100)"


def _percentile(key: str) -> str:
    if re.fullmatch(PERCENTILE, key) is None:
        raise ValueError("percentiles are written like p50, p99, p99.9")
    return key


Percentile = Annotated[
    str, AfterValidator(_percentile), WithJsonSchema({"type": "string", "pattern": f"^{PERCENTILE}$"})
]


class Flavor(Section):
    """What one server gets; `disk: 0GiB` means what the image needs."""

    vcpus: Annotated[int, Field(ge=1, le=256)] = 1
    ram: Size = 2 << 30
    disk: Size = 0


class Clients(Section):
    """A progression of scale: start, start + step, ... and always the maximum.

    `{start: 1, step: 2}` with 4 servers means 1, 3, 4. With `stop_at_failure`, a rate or a profile that
    broke the SLA is not run at a larger scale.
    """

    start: Annotated[int, Field(ge=1)] = 1
    step: Annotated[int, Field(ge=1)] = 1
    stop_at_failure: bool = False


MOST_POINTS = 10_000
"""Of one scenario: each is a test, and takes seconds at least."""


def check_scale(clients: Clients | None, servers: int, at_each: int) -> None:
    """Whether a progression fits `servers`, with `at_each` points at each scale; raises ValueError if not."""
    scales = 1
    if clients is not None:
        if clients.start > servers:
            there = counted(servers, "server")
            raise ValueError(f"load.clients.start may not exceed the {there} of the topology")
        scales = len(range(clients.start, servers, clients.step)) + 1
    if scales * at_each > MOST_POINTS:
        raise ValueError(
            f"this stands for {scales * at_each} points, and may for {MOST_POINTS}: raise load.clients.step"
        )


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


@dataclass(frozen=True, kw_only=True)
class Point(ABC):
    """One load run of any kind: what all rooms may ask of it without knowing its kind.

    `duration` is the seconds of its measured window, `max_duration` what they may become while its sample
    cannot decide. `clients` of the topology's servers make the load. `by_second` asks for what was due in
    each second by itself, from which recovery is measured. `search` names what is searched where the point
    stands for a search that begins there, and lasts `max_duration` at most. `units` are those of its fields
    that are no plain count: "s", or "B" for bytes.
    """

    kind: ClassVar[str]
    units: ClassVar[dict[str, str]] = {"duration": "s", "max_duration": "s"}
    id: str
    scenario: str
    clients: int
    duration: float
    max_duration: float
    by_second: bool = False
    search: str = ""

    @property
    def before(self) -> float:
        """Seconds of load ahead of the measured window."""
        return 0.0

    @property
    @abstractmethod
    def offered(self) -> float:
        """What all clients together are asked to make in a second; 0 if as much as they can."""

    @property
    @abstractmethod
    def load(self) -> str:
        """What is asked of each client, in a word: points of one scenario and load differ in scale only."""

    @property
    def size(self) -> int:
        """Bytes that each of them moves."""
        return 0


def shared(source: object, target: type[DataclassInstance]) -> dict[str, Any]:
    """The fields of `target` that `source` has under the same names: none need be copied by hand from form
    to form.
    """
    return {
        field.name: getattr(source, field.name) for field in fields(target) if hasattr(source, field.name)
    }


class Topology(Protocol):
    """What a scenario of any kind stages; as many of its `servers` make load."""

    @property
    def servers(self) -> int:
        """So many."""

    @property
    def flavor(self) -> Flavor:
        """Of each."""

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """Its settings, as pydantic gives them."""


class Load(Protocol):
    """How a scenario of any kind loads it."""

    @property
    def clients(self) -> Clients | None:
        """The progression of scale, if there is one."""


class Sla(Protocol):
    """What a scenario of any kind asks for."""

    @property
    def confidence(self) -> float:
        """Of the whole run."""

    @property
    def staging(self) -> float | None:
        """Seconds that staging may take."""

    @property
    def recovery(self) -> RecoveryLimit | None:
        """How long the service may be off after a hook or a marker."""

    @property
    def baseline(self) -> BaselineLimit | None:
        """How much slower than a baseline it may be."""


class Scenario(Protocol):
    """A scenario of any kind: what all rooms may ask of it without knowing its kind."""

    @property
    def name(self) -> str:
        """By which it goes."""

    @property
    def kind(self) -> str:
        """The name of its kind in every table."""

    @property
    def description(self) -> str:
        """For people."""

    @property
    def topology(self) -> Topology:
        """What it stages."""

    @property
    def load(self) -> Load:
        """What it does with that."""

    @property
    def sla(self) -> Sla:
        """What has to hold."""

    @property
    def hooks(self) -> Sequence[Hook]:
        """What is done to the cloud meanwhile."""

    def model_dump(self, *, mode: str = "python", exclude_none: bool = False) -> dict[str, Any]:
        """Its settings, as pydantic gives them."""


def usable_confidence(confidence: float) -> float:
    """Refuse a confidence that no verdict could be given at, or that would mean nothing."""
    if not 0.5 <= confidence <= 0.9999:
        raise ValueError("a confidence from 50% to 99.99% is allowed here")
    return confidence


Confidence = Annotated[Share, AfterValidator(usable_confidence)]
