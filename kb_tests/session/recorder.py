"""Where the results of one attempt at a test go: the run's record, JUnit, and what the session remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from kb_tests.events.bus import Bus
from kb_tests.events.model import PointEnded, ProbeEnded
from kb_tests.report import junit, telling
from kb_tests.report.record import PointRecord
from kb_tests.scenario.points import Point
from kb_tests.session.attempts import Attempts


class Recorder:
    """One attempt at the test `item`, which loads `cloud`, on the topology that was staged as `run`.

    JUnit gets the figures of this attempt alone, each name once: those of a second measurement in one test
    begin with "kb.2." instead of "kb.". `down` is asked for sentences on servers that are down, where a
    result speaks against the test.
    """

    def __init__(
        self,
        item: pytest.Item,
        cloud: str,
        run: str,
        bus: Bus,
        attempts: Attempts,
        down: Callable[[], Sequence[str]],
    ) -> None:
        self._item = item
        self._cloud = cloud
        self._run = run
        self._bus = bus
        self._attempts = attempts
        self._down = down
        self._results = 0
        attempts.staged(item.nodeid, run)
        item.user_properties[:] = [pair for pair in item.user_properties if not pair[0].startswith("kb.")]

    def put(self, result: PointRecord, *, fails: bool = False, doubted: bool = False) -> PointRecord:
        """Keep a result. It `fails` if it speaks against the test, and is `doubted` if the instruments may
        have made the cloud look slow. Returns it with what is known of servers that are down.
        """
        if fails:
            result = result.model_copy(update={"down": tuple(self._down())})
        self._results += 1
        begin = "kb." if self._results == 1 else f"kb.{self._results}."
        for name, value in junit.properties(result):
            self._item.user_properties.append((begin + name.removeprefix("kb."), value))
        kept = result.model_copy(update={"test": self._item.nodeid, "run": self._run})
        self._bus.put(PointEnded(cloud=self._cloud, point=kept))
        against = (
            "; ".join((f"{result.id}: {telling.label(result)}", *telling.findings(result))) if fails else ""
        )
        self._attempts.result(self._item.nodeid, against, doubted=doubted)
        return kept

    def probe(self, result: PointRecord) -> None:
        """Keep the record of a probe of a search, whose own result comes later."""
        kept = result.model_copy(update={"test": self._item.nodeid, "run": self._run})
        self._bus.put(ProbeEnded(cloud=self._cloud, point=kept))

    def attempt(self, search: Point) -> int:
        """Which run of this search begins, from 1: its probes are others than those of the runs before."""
        return self._attempts.number_of_search(self._cloud, search.id)

    def own_id(self, point: Point) -> str:
        """The id of a load of a test's own, which no other measurement of this run has."""
        name = point.id.removeprefix(f"{point.scenario}-")
        return f"{point.scenario}-own-{self._attempts.number(self._cloud)}-{name}"
