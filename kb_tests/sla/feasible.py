"""What a scenario cannot show, known before anything is staged."""

from __future__ import annotations

from kb_tests.scenario.base import Scenario
from kb_tests.sla.capacity.feasible import mistakes as of_search
from kb_tests.sla.workloads import WORKLOADS


def feasible(scenario: Scenario, checks: int | None = None) -> list[str]:
    """One sentence for each limit that no result of `scenario` could show to be kept; empty if there is none.

    `checks` is how many checks the run makes; None stands for those of this scenario alone. The longest
    look of the point with the fewest requests decides. A closed loop's requests cannot be known before.
    """
    if getattr(scenario.load, "capacity", None) is not None:
        return list(of_search(scenario, checks))
    return list(WORKLOADS[scenario.kind].mistakes(scenario, checks))
