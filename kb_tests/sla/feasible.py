"""What a scenario cannot show, known before anything is staged."""

from __future__ import annotations

from typing import assert_never

from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.model import Scenario
from kb_tests.scenario.storage import StorageScenario
from kb_tests.sla.http import feasible as http
from kb_tests.sla.storage import feasible as storage


def feasible(scenario: Scenario, checks: int | None = None) -> list[str]:
    """One sentence for each limit that no result of `scenario` could show to be kept; empty if there is none.

    `checks` is how many checks the run makes; None stands for those of this scenario alone. The longest
    look of the point with the fewest requests decides. A closed loop's requests cannot be known before.
    """
    match scenario:
        case HttpScenario():
            return list(http.mistakes(scenario, checks))
        case StorageScenario():
            return list(storage.mistakes(scenario, checks))
        case _:
            assert_never(scenario)
