"""Having the disks of a storage topology filled, with its progress on the terminal."""

from __future__ import annotations

import time

from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.storage.messages import DiskReport, Filling
from kb_tests.load.storage import target
from kb_tests.scenario.storage_topology import StorageTopology
from kb_tests.scenario.units import format_size
from kb_tests.session.progress import Progress

INTERVAL = 0.5
"""Seconds between two lines at the least."""


def fill(
    topology: StorageTopology, fleet: Fleet, progress: Progress, interval: float = INTERVAL
) -> list[DiskReport]:
    """What each server has filled, shown every `interval` seconds.

    Raises FleetError or AgentsMissingError.
    """
    meter = _Meter(topology.servers * topology.file_size, progress, interval)
    meter.show()
    reports = fleet.prepare_disks(target(topology), meter.take)
    meter.end()
    return reports


class _Meter:
    """Adds up how far the servers have come."""

    def __init__(self, total: int, progress: Progress, interval: float) -> None:
        self._interval = interval
        self._total = total
        self._progress = progress
        self._written: dict[str, int] = {}
        self._sum = 0
        self._began = time.monotonic()
        self._shown = 0.0

    def take(self, report: Filling | DiskReport) -> None:
        """Take what one server says."""
        self._sum += report.bytes - self._written.get(report.agent, 0)
        self._written[report.agent] = report.bytes
        if time.monotonic() - self._shown >= self._interval:
            self.show()

    def show(self, *, last: bool = False) -> None:
        """The share of the total, and how long it has taken so far."""
        self._shown = time.monotonic()
        took = f"{self._shown - self._began:.1f}s"
        done = f"{self._sum / self._total:.0%} of {format_size(self._total)}"
        self._progress.show("filling disks", f"filling disks: {done}, {took}", last=last)

    def end(self) -> None:
        """Leave the last line."""
        if not self._sum:
            self._progress.show("filling disks", "filling disks: they were full", last=True)
        else:
            self.show(last=True)
