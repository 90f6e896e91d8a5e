"""The kinds of load, as this room knows them: how the points of each are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kb_tests.measure.recovery import Recovery
from kb_tests.scenario.workloads import Table
from kb_tests.sla.http import feasible as http_feasible
from kb_tests.sla.http import judge as http
from kb_tests.sla.storage import feasible as storage_feasible
from kb_tests.sla.storage import judge as storage
from kb_tests.sla.verdict import Verdict


class Judge(Protocol):
    """How measurements of one kind are judged: points, measurements and SLAs are those of that kind."""

    def __call__(
        self,
        point: Any,
        measurement: Any,
        sla: Any,
        *,
        checks: int | None,
        look: int,
        looks: int,
        staging: float | None,
        recovery: Sequence[Recovery],
        faults: Sequence[str],
        earlier: Sequence[Any],
    ) -> Verdict:
        """The verdict on one measurement, together with those of earlier looks at the same point."""


@dataclass(frozen=True)
class Workload:
    """`number_of_checks` is how many checks of a point can err by an SLA, `mistakes` what no result of a
    scenario could show.
    """

    judge: Judge
    number_of_checks: Callable[[Any, Any], int]
    mistakes: Callable[[Any, int | None], Iterable[str]]


WORKLOADS = Table(
    "sla",
    {
        "http": Workload(http.judge, lambda _point, sla: http.number_of_checks(sla), http_feasible.mistakes),
        "storage": Workload(storage.judge, storage.number_of_checks, storage_feasible.mistakes),
    },
)
