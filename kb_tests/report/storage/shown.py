"""How storage points are shown."""

from __future__ import annotations

from dataclasses import dataclass

from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.report.by_host import Table
from kb_tests.report.shown import Column, Pairs, Property, Shown
from kb_tests.report.storage import hosts, view, words
from kb_tests.scenario.storage import StoragePoint


@dataclass(frozen=True)
class StorageShown(Shown):
    """A storage point."""

    point: StoragePoint
    measured: StorageMeasurement

    def cell(self, column: Column) -> str:
        """The text of one cell."""
        return view.cell(self.point, self.measured, column)

    def row(self) -> tuple[str, str, str]:
        """The rate and two latencies."""
        return words.row(self.point, self.measured)

    def facts(self) -> Pairs:
        """The job, what it did, the state of the servers."""
        return words.facts(self.point, self.measured)

    def hosts(self) -> Table | None:
        """Host by host."""
        return hosts.of_storage(self.point, self.measured)

    def properties(self) -> list[Property]:
        """As listed in `words.properties`."""
        return words.properties(self.point, self.measured)
