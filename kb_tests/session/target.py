"""What is to be staged for a session: a scenario on a cloud."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kb_tests.scenario.base import Scenario

LOCAL = ""
"""The cloud's name when none is given: the embedded local cloud, started and stopped by the suite."""


def cloud_label(cloud: str) -> str:
    """How people read the name of `cloud`, and records have it."""
    return "embedded local cloud" if cloud == LOCAL else cloud


@dataclass(frozen=True)
class Target:
    """One topology to stage: a scenario on a cloud, its traffic generators on `testing_cloud` if that is
    not empty. `overrides` are what the command line set in the scenario, as it was typed.

    `against` is the other side where points are measured in turns; it stands in the same record, `on`
    another cloud if that is not empty. `stage` are options of staging that one side has for itself, `side`
    what it is called.
    """

    cloud: str
    scenario: Scenario
    file: Path
    testing_cloud: str = ""
    overrides: tuple[str, ...] = ()
    against: Target | None = None
    on: str = ""
    stage: tuple[tuple[str, str], ...] = ()
    side: str = ""

    @property
    def place(self) -> str:
        """The cloud that it is staged on."""
        return self.on or self.cloud
