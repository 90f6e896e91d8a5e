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
    finishing: bool
    """It was asked to end after the point that runs."""
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
    testing_cloud: str
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


class StopRequest(BaseModel):
    """How to stop: `finish_point` after the point that runs, which is judged; `now` ends the load and removes
    everything; `leave_to_reaper` does not wait for that.
    """

    model_config = ConfigDict(extra="forbid")

    level: Literal["finish_point", "now", "leave_to_reaper"] = "now"


class MarkerRequest(BaseModel):
    """What was done to the cloud just now."""

    model_config = ConfigDict(extra="forbid")

    text: str


class Accepted(Shape):
    """It is under way, in session `sid`."""

    sid: str
    sentence: str
