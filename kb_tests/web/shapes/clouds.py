"""Clouds: those there are, and what an examination finds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from kb_tests.web.shapes.base import Shape


class CloudRow(Shape):
    """A cloud of clouds.yaml, by its name: nothing else of it is told."""

    name: str
    embedded: bool = False


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
