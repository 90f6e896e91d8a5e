"""Sessions: where they stand, and what is asked of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kb_tests.web.shapes.base import Shape


class SessionRow(Shape):
    """A session: `state` says where it stands, `sentence` says it in words.

    `marks` has a letter a point: p pass, f fail, i inconclusive, x invalid, - without result, r running, . to
    come.
    """

    sid: str
    state: Literal["starting", "staging", "running", "stopping", "removing", "ended", "broken_off"]
    alive: bool
    outcome: str
    sentence: str
    started: datetime
    ended: datetime | None
    exit_code: int | None
    exit_meaning: str
    started_by: str
    version: str
    arguments: tuple[str, ...]
    clouds: tuple[str, ...]
    scenarios: tuple[str, ...]
    runs: dict[str, str]
    marks: str
    problems: tuple[str, ...]
    leaks: tuple[str, ...]


class SessionList(Shape):
    """Sessions, the newest first."""

    sessions: tuple[SessionRow, ...]


class SessionLog(Shape):
    """What a session wrote to its output, from byte `offset` on; ask again from `next`."""

    offset: int
    next: int
    size: int
    text: str


class StartRequest(BaseModel):
    """What to run. `cloud` "" is the embedded one. `servers` is how many the caller saw that it takes, and
    `digests` what each scenario was when they were counted: a run is started for exactly that, or not at all.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    cloud: str = ""
    scenarios: dict[str, str]
    """{name: digest}"""
    servers: int


class StopRequest(BaseModel):
    """How to stop: `now` ends the load and removes everything; `leave_to_reaper` does not wait for that."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["now", "leave_to_reaper"] = "now"


class MarkerRequest(BaseModel):
    """What was done to the cloud just now."""

    model_config = ConfigDict(extra="forbid")

    text: str


class Accepted(Shape):
    """It is under way, in session `sid`."""

    sid: str
    sentence: str
