"""Scenarios: in a list, and one with its text."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kb_tests.web.shapes.base import Shape


class ScenarioRow(Shape):
    """A scenario that can be run; `fault` says what is wrong with its file, "" for nothing. It came with the
    suite, lies in a folder that `kb ui` was given, or was saved from here: only that is changed from here.
    """

    name: str
    """Of its file: by this it is asked for."""
    called: str = ""
    """The name in the file, which runs and kept topologies have; "" where the file cannot be read."""
    kind: str
    description: str
    points: int
    servers: int
    shipped: bool
    origin: Literal["shipped", "given", "saved"]
    fault: str = ""


class ScenarioList(Shape):
    """Scenarios by name."""

    scenarios: tuple[ScenarioRow, ...]


class ScenarioText(Shape):
    """A scenario's file, the points it stands for, and what it takes of a cloud."""

    row: ScenarioRow
    text: str
    point_ids: tuple[str, ...]
    needs: dict[str, int]
    digest: str
    """Of the text: give it to start exactly what was shown."""


class SaveRequest(BaseModel):
    """A scenario's text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str


class CheckRequest(BaseModel):
    """A text that may be a scenario; with `feasible` it is also asked which limits it could never show."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    feasible: bool = True


class TextFinding(Shape):
    """Something about a line (from 1 on; 0 for none): a mistake, or a limit that cannot be shown."""

    line: int
    key: str = ""
    """The key that it is about, "sla.errors"; "" where it is about none."""
    level: Literal["mistake", "cannot_tell"]
    sentence: str


class Check(Shape):
    """What is wrong with a text, and what it comes to; all but `findings` is empty where it cannot be read.

    `data` are the keys that the text sets, right or wrong, as long as it is YAML of one mapping; `points` are
    pairs of id and words, times are seconds of load.
    """

    findings: tuple[TextFinding, ...]
    lines: dict[str, int] = Field(default_factory=dict)
    """The line of each key, as far as the text is YAML."""
    name: str = ""
    kind: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    points: tuple[tuple[str, str], ...] = ()
    needs: dict[str, int] = Field(default_factory=dict)
    shortest: float = 0.0
    longest: float = 0.0
