"""What the process that runs the load tells the process that writes the reports.

Under xdist these are two processes; without it the same events go the same way inside of one. An event
travels with the next test report, or at the latest when the session ends.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kb_tests.report.record import PointRecord, TopologyRecord


class Event(BaseModel):
    """Something that happened while loading `cloud`."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    cloud: str


class PointEnded(Event):
    """A point was measured, and judged unless it belongs to somebody's own test."""

    kind: Literal["point"] = "point"
    point: PointRecord


class Staged(Event):
    """A scenario's topology is there; `notes` have to stand in every report of it."""

    kind: Literal["staged"] = "staged"
    scenario: str
    topology: TopologyRecord
    notes: tuple[str, ...]


class Problem(Event):
    """The infrastructure failed, outside of any point."""

    kind: Literal["problem"] = "problem"
    sentence: str


class Leaked(Event):
    """Something of ours is still on the cloud."""

    kind: Literal["leaked"] = "leaked"
    resources: tuple[str, ...]


AnyEvent = Annotated[PointEnded | Staged | Problem | Leaked, Field(discriminator="kind")]
_EVENTS: TypeAdapter[list[AnyEvent]] = TypeAdapter(
    list[AnyEvent], config=ConfigDict(ser_json_inf_nan="strings")
)


class Outbox:
    """Events that were not handed over yet."""

    def __init__(self) -> None:
        self._waiting: list[AnyEvent] = []

    def put(self, event: AnyEvent) -> None:
        """Keep `event` until the next `drain`."""
        self._waiting.append(event)

    def drain(self) -> str:
        """All waiting events as JSON, "" if there are none; they wait no longer."""
        events, self._waiting = self._waiting, []
        return _EVENTS.dump_json(events).decode() if events else ""


def read(text: str) -> list[AnyEvent]:
    """The events of a `drain`."""
    return _EVENTS.validate_json(text) if text else []
