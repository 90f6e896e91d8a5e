"""What the process that runs the load tells the process that writes the reports.

Under xdist these are two processes; without it the same outcomes go the same way inside of one. An outcome
travels with the next test report, or at the latest when the session ends: files of events may be lost, test
reports are not.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from kb_tests.events.model import AnyEvent, Leaked, Outcome, PointEnded, ProbeEnded, Problem, Staged

_OUTCOMES: TypeAdapter[list[Outcome]] = TypeAdapter(
    list[Annotated[Outcome, Field(discriminator="kind")]], config=ConfigDict(ser_json_inf_nan="strings")
)


class Outbox:
    """A handler that keeps outcomes until they are handed over."""

    def __init__(self) -> None:
        self._waiting: list[Outcome] = []

    def handle(self, event: AnyEvent) -> None:
        """Keep `event` until the next `drain`, if it is an outcome."""
        if isinstance(event, PointEnded | ProbeEnded | Staged | Problem | Leaked):
            self._waiting.append(event)

    def drain(self) -> str:
        """All waiting outcomes as JSON, "" if there are none; they wait no longer."""
        outcomes, self._waiting = self._waiting, []
        return _OUTCOMES.dump_json(outcomes).decode() if outcomes else ""


def read(text: str) -> list[Outcome]:
    """The outcomes of a `drain`."""
    return _OUTCOMES.validate_json(text) if text else []
