"""Scenarios: in a list, and one with its text."""

from __future__ import annotations

from kb_tests.web.shapes.base import Shape


class ScenarioRow(Shape):
    """A scenario that can be run; `fault` says what is wrong with its file, "" for nothing."""

    name: str
    kind: str
    description: str
    points: int
    servers: int
    shipped: bool
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
