"""The kinds of load, as this room knows them: how the points of each are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kb_tests.measure.recovery import Recovery
from kb_tests.scenario.workloads import Table
from kb_tests.sla.capacity.model import Counts, Limit
from kb_tests.sla.deciding import Asked
from kb_tests.sla.http import capacity as http_capacity
from kb_tests.sla.http import feasible as http_feasible
from kb_tests.sla.http import judge as http
from kb_tests.sla.storage import capacity as storage_capacity
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


class Reasons(Protocol):
    """Why a probe is not to be believed: points, measurements and SLAs are those of one kind."""

    def __call__(
        self, point: Any, measurement: Any, sla: Any, /, *, kept: bool
    ) -> tuple[tuple[str, ...], bool]:
        """Sentences, and whether that is since generators could make no more load."""


@dataclass(frozen=True)
class Searching:
    """What a search for a capacity asks of points and measurements of one kind.

    `what` its loads are made of; the `limits` of a point by an SLA, and the `counts` of a measurement for
    each; the load that connections or I/Os under way `bound`; the `reasons` why it is not to be believed, and
    whether generators ended.
    """

    what: str
    limits: Callable[[Any, Any], tuple[Limit, ...]]
    counts: Callable[[Any, Any, Any], Mapping[str, Counts]]
    bound: Callable[[Any, Any], float | None]
    reasons: Reasons


@dataclass(frozen=True)
class Workload:
    """`number_of_checks` is how many checks of a point can err by an SLA, `mistakes` what no result of a
    scenario could show, `searching` what a search for a capacity asks; None where there is none. `deciding`
    are its limits of which it can be said how long they take to be decided.
    """

    judge: Judge
    number_of_checks: Callable[[Any, Any], int]
    mistakes: Callable[[Any, int | None], Iterable[str]]
    searching: Searching | None = None
    deciding: Callable[[Any], Iterable[Asked]] = lambda _scenario: ()


WORKLOADS = Table(
    "sla",
    {
        "http": Workload(
            http.judge,
            lambda _point, sla: http.number_of_checks(sla),
            http_feasible.mistakes,
            Searching(
                "requests",
                http_capacity.limits,
                http_capacity.counts,
                http_capacity.bound,
                http_capacity.reasons,
            ),
            http_feasible.deciding,
        ),
        "storage": Workload(
            storage.judge,
            storage.number_of_checks,
            storage_feasible.mistakes,
            Searching(
                "I/Os",
                storage_capacity.limits,
                storage_capacity.counts,
                storage_capacity.bound,
                storage_capacity.reasons,
            ),
            storage_feasible.deciding,
        ),
    },
)
