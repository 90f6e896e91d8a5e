"""Plans: what a run is to be, and what it would take; a start names the digest of the plan that was shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kb_tests.web.shapes.base import Shape

Name = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A name on a cloud, or none: whatever it is, it is one argument of one option."""

Address = Annotated[str, StringConstraints(max_length=45, pattern=r"^[0-9a-fA-F.:]+$")]


class RunOptions(BaseModel):
    """As pytest's options of these names; what would run commands, or name files, is not among them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    image: Name = ""
    flavor: Name = ""
    external_network: Name = ""
    network: Name = ""
    router: Name = ""
    availability_zone: Name = ""
    existing_project: bool = False
    packages: bool = False
    nameservers: tuple[Address, ...] = Field(default=(), max_length=8, strict=False)
    config_drive: bool = False
    floating_ip: bool = True
    ssh_port: int | None = Field(default=None, ge=1, le=65535)
    build_timeout: int | None = Field(default=None, ge=1, le=86_400)
    """Seconds."""
    inconclusive: Literal["fail", "pass"] = "fail"


class PlanRequest(BaseModel):
    """What to run. `cloud` "" is the embedded one. `points` are ids; none are all of the scenarios.

    With `mode` "stage" nothing is loaded: the topologies are made and kept, for runs that name theirs as
    `reuse`. `keep` leaves what was staged after the run, for a day.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    cloud: Name = ""
    testing_cloud: Name = ""
    scenarios: tuple[Name, ...] = Field(min_length=1, max_length=20, strict=False)
    points: tuple[Name, ...] = Field(default=(), max_length=2000, strict=False)
    mode: Literal["run", "stage"] = "run"
    keep: bool = False
    reuse: str = Field(default="", pattern=r"^([0-9a-f]{8})?$")
    options: RunOptions = RunOptions()


class StartRequest(PlanRequest):
    """A plan's request, and the digest that was answered: exactly what was shown is started, or nothing."""

    digest: str = Field(min_length=64, max_length=64)


class PlannedPoint(Shape):
    """A point: what it offers in words, and how long it loads, in seconds; `chosen` if it is to run."""

    id: str
    scenario: str
    load: str
    how: str
    shortest: float
    longest: float
    chosen: bool


class Plan(Shape):
    """What a run takes. `needs` are of the largest of its topologies, which are staged one after the other,
    or of all that stay; `shortest` and `longest` are seconds of load, staging and removal not counted.
    """

    digest: str
    sentence: str
    needs: dict[str, int]
    points: tuple[PlannedPoint, ...]
    shortest: float
    longest: float
    moved: str
    command: str
    """The same from a shell."""
    refusals: tuple[str, ...]
    """Why it would not be started from here; none if it would be."""
