"""Clouds: those there are, and what an examination finds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kb_tests.web.shapes.base import Shape


class CloudRow(Shape):
    """A cloud of clouds.yaml, by its name, NAME:REGION for each of several regions: nothing else of it is
    told, but which entries are one cloud: those of one `place`, the first of their names. It carries one load
    at a time, that of the session `loaded_by`.
    """

    name: str
    embedded: bool = False
    place: str = ""
    loaded_by: str = ""


class CloudList(Shape):
    """The embedded cloud, and those of clouds.yaml; `searched` is where that was looked for."""

    clouds: tuple[CloudRow, ...]
    searched: tuple[str, ...]
    fault: str = ""


class FindingShape(Shape):
    """What was looked at on a cloud, what is there, and what to do about it."""

    what: str
    state: Literal["good", "note", "FAULT"]
    found: str
    remedy: str = ""


class Examination(Shape):
    """What `kb doctor` found, the worst first; `fit` where nothing is in the way."""

    cloud: str
    fit: bool
    findings: tuple[FindingShape, ...]


class ExaminationRequest(BaseModel):
    """For which scenario; "" for none in particular."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scenario: str = ""


class ImageShape(Shape):
    """An image; `size` in bytes."""

    name: str
    size: int
    visibility: str


class FlavorShape(Shape):
    """A flavor; `ram` in MiB."""

    name: str
    vcpus: int
    ram: int


class ZoneShape(Shape):
    """An availability zone, and its hosts where the user may see them."""

    name: str
    available: bool
    hosts: tuple[str, ...]


class NetworkShape(Shape):
    """A network that is there already."""

    name: str
    external: bool


class RouterShape(Shape):
    """A router that is there already."""

    name: str


class QuotaShape(Shape):
    """A quota of the project in clouds.yaml that has a limit; `ram` in MiB, `gibibytes` of all volumes."""

    name: str
    used: int
    limit: int


class OursShape(Shape):
    """A run that has something on a cloud. `name` is its id, `lease_until` a Unix time by the cloud's clock.

    `expired`: nobody can be using it any more. `alive`: its process runs on this machine. `resources` are
    counts by kind.
    """

    name: str
    lease_until: int
    expired: bool
    kept: bool
    alive: bool
    resources: dict[str, int]


class Whose(Shape):
    """Who is signed in where; nothing else of clouds.yaml is told. `now` is the cloud's clock (Unix time)."""

    cloud: str
    auth_url: str
    region: str
    project: str
    user: str
    admin: bool
    now: float


class Has(Shape):
    """What a cloud has; a kind that could not be listed is missing, and `unlisted` says why, by kind."""

    images: tuple[ImageShape, ...] = ()
    flavors: tuple[FlavorShape, ...] = ()
    zones: tuple[ZoneShape, ...] = ()
    networks: tuple[NetworkShape, ...] = ()
    routers: tuple[RouterShape, ...] = ()
    quotas: tuple[QuotaShape, ...] = ()
    runs: tuple[OursShape, ...] = ()


class CloudShape(Shape):
    """A cloud as it is now, or was at `asked`, a moment ago."""

    who: Whose
    has: Has
    unlisted: dict[str, str]
    asked: datetime


class CleanupRequest(BaseModel):
    """What to remove: the run `run`, or with "" what is left of all that expired.

    With `dry_run` it is only listed. Else `digest` is that of the list that was shown: what is removed is
    exactly that, or nothing. `force` removes a run that may be alive; its id has to be typed once more.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    run: str = Field(default="", pattern=r"^([0-9a-f]{8})?$")
    dry_run: bool = True
    digest: str = Field(default="", max_length=64)
    force: bool = False
    typed: str = Field(default="", max_length=64)


class ResourceShape(Shape):
    """Something on a cloud that would be removed, or was."""

    cloud: str
    kind: str
    id: str
    name: str
    run: str


class Cleanup(Shape):
    """A cleanup: what would be removed, or under an `id`, what was so far. `code` is null while it runs."""

    id: str
    state: Literal["shown", "running", "done", "failed"]
    resources: tuple[ResourceShape, ...]
    notes: tuple[str, ...]
    faults: tuple[str, ...]
    digest: str
    code: int | None
    command: str
    """The same from a shell."""


class KeptShape(Shape):
    """A topology that was kept, and can be loaded again as `reuse`; `clouds`: the one under test first."""

    run: str
    cloud: str
    clouds: tuple[str, ...]
    scenario: str
    kind: str
    servers: int
    until: datetime


class KeptList(Shape):
    """Kept topologies of this machine."""

    kept: tuple[KeptShape, ...]
