"""The kinds of load, as this room knows them: the fixture that runs points of each, and what it prepares.

What runs them is imported when it is asked for: whoever only collects tests needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb_tests.scenario.workloads import Table

if TYPE_CHECKING:
    from kb_tests.fleet.fleet import Fleet
    from kb_tests.fleet.storage.messages import DiskReport
    from kb_tests.session.point_runner import PointRunner
    from kb_tests.session.progress import Progress


def _nothing(_scenario: Any, _fleet: Fleet, _progress: Progress) -> Sequence[DiskReport]:
    return ()


@dataclass(frozen=True)
class Workload:
    """`fixture` is the name of the fixture whose value is a `runner`. `prepare` has the servers prepare what
    takes its time, before the first point; the disks that it filled.
    """

    fixture: str
    runner: Callable[[], type[PointRunner[Any, Any, Any]]]
    prepare: Callable[[Any, Fleet, Progress], Sequence[DiskReport]] = _nothing


def _http() -> type[PointRunner[Any, Any, Any]]:
    from kb_tests.session.http.runner import HttpRunner

    return HttpRunner


def _storage() -> type[PointRunner[Any, Any, Any]]:
    from kb_tests.session.storage.runner import StorageRunner

    return StorageRunner


def _fill(scenario: Any, fleet: Fleet, progress: Progress) -> Sequence[DiskReport]:
    from kb_tests.session.storage.filling import fill

    return fill(scenario.topology, fleet, progress)


WORKLOADS = Table(
    "session", {"http": Workload("kb_http", _http), "storage": Workload("kb_storage", _storage, _fill)}
)


def kinds_for(fixtures: Sequence[str]) -> set[str]:
    """The kinds of load that a test with these fixtures runs."""
    return {kind for kind, workload in WORKLOADS.items() if workload.fixture in fixtures}
