"""Measurements in the units of the statistics: reads or writes by batches of time, and by server."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from kb_tests.measure.histogram import Stacked
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import Io, StorageBlock, StorageMeasurement
from kb_tests.scenario.storage import StoragePoint
from kb_tests.sla.achieved import Achieved
from kb_tests.sla.bounds import AGENTS, Share, batches, number_of_batches, pooled
from kb_tests.sla.tally import Tally


@dataclass(frozen=True)
class Direction:
    """Reads or writes: their name and their share of the rate."""

    name: str
    share: float

    @property
    def achieved(self) -> str:
        """The name of the check on its rate."""
        return "achieved" if self.share == 1 else f"achieved {self.name}"

    def io(self, part: StorageBlock | StorageMeasurement) -> Io:
        """Those of `part`."""
        return part.read if self.name == "read" else part.write


def directions(point: StoragePoint) -> list[Direction]:
    """What a point does; one or both."""
    both = (Direction("read", point.reads), Direction("write", 1 - point.reads))
    return [part for part in both if part.share > 0]


class Window:
    """The time blocks of a measurement by batches of time and by server.

    Those of all servers that began in the same second belong together.
    """

    def __init__(self, measurement: StorageMeasurement) -> None:
        ordered = sorted(measurement.blocks, key=lambda block: block.at)
        times = list(_grouped(ordered, lambda block: math.floor(block.at + 0.5)).values())
        parts = batches(len(times), number_of_batches(measurement.duration))
        self.times = [[block for time in times[part] for block in time] for part in parts]
        self.servers = _grouped(measurement.blocks, lambda block: block.server)

    def tally(self, bad: Callable[[StorageBlock], int], due: Callable[[StorageBlock], int]) -> Tally:
        """The sums of what a block says, by batch and by server."""
        return Tally(
            tuple(sum(map(bad, blocks)) for blocks in self.times),
            tuple(sum(map(due, blocks)) for blocks in self.times),
            {str(name): (sum(map(bad, of)), sum(map(due, of))) for name, of in self.servers.items()},
        )


def _grouped(
    blocks: Sequence[StorageBlock], key: Callable[[StorageBlock], Hashable]
) -> dict[Hashable, list[StorageBlock]]:
    found: defaultdict[Hashable, list[StorageBlock]] = defaultdict(list)
    for block in blocks:
        found[key(block)].append(block)
    return dict(found)


class Times:
    """How long the reads or writes of a window took, by batch, and by server where servers count."""

    def __init__(self, window: Window, direction: Direction) -> None:
        def latency(blocks: Sequence[StorageBlock]) -> Latency:
            return Latency.merged(tuple(direction.io(block).response for block in blocks))

        parts = [latency(blocks) for blocks in window.times]
        self.due = tuple(part.count for part in parts)
        self._times = Stacked([part.times for part in parts])
        self._servers: dict[str, Latency] = {}
        if len(window.servers) >= AGENTS:
            self._servers = {str(server): latency(blocks) for server, blocks in window.servers.items()}

    def slower(self, limit: float) -> Tally:
        """How many took longer than `limit` seconds, or failed."""
        within = self._times.count_at_most(limit).tolist()
        return Tally(
            tuple(due - well for due, well in zip(self.due, within, strict=True)),
            self.due,
            {server: (part.slower(limit), part.count) for server, part in self._servers.items()},
        )


class Sample:
    """All reads or writes of one or several windows of the same load, in the order in which they ran."""

    lost = "of them failed, were never made or took longer than fio can tell"

    def __init__(self, measurements: Sequence[StorageMeasurement], direction: Direction) -> None:
        self.measurements = measurements
        self._direction = direction
        self._windows = [Times(one, direction) for one in map(Window, measurements)]
        self._whole = Latency.merged([direction.io(one).response for one in measurements])

    def __str__(self) -> str:
        number = sum(len(window.due) for window in self._windows)
        looks = f" of {len(self._windows)} looks" if len(self._windows) > 1 else ""
        return f"{self._whole.count:,} {self._direction.name}s in {number} batches of time{looks}"

    def slower(self, limit: float) -> Share:
        """The share of those due that took longer than `limit` seconds, or failed."""
        return pooled([window.slower(limit) for window in self._windows])

    def percentile(self, percent: float) -> float:
        """The seconds within which `percent` of those due were done; infinite if they were not."""
        return self._whole.percentile(percent)

    def times_taken(self) -> list[float]:
        """Every time that was found, ascending."""
        return self._whole.times.distribution()[0]

    @property
    def rate(self) -> float:
        """How many were done in a second."""
        seconds = sum(one.duration for one in self.measurements)
        done = sum(getattr(one.iops, self._direction.name) * one.duration for one in self.measurements)
        return done / seconds if seconds else 0.0

    def achieved(self, offered: float) -> Achieved:
        """How many were done in each second, of those `offered`."""
        rates = [
            getattr(second.iops, self._direction.name)
            for one in self.measurements
            for second in one.seconds
            if 0 <= second.at < math.floor(one.duration)
        ]
        return Achieved.of(rates, offered, self.slower(math.inf))


def failed(measurements: Sequence[StorageMeasurement]) -> Share:
    """The share of all I/Os that failed."""

    def due(block: StorageBlock) -> int:
        return block.errors + block.read.ios + block.write.ios

    return pooled([Window(one).tally(lambda block: block.errors, due) for one in measurements])
