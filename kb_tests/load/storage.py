"""Storage load: a point becomes one command to the storage servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.storage.collect import StorageGathering
from kb_tests.fleet.storage.messages import IoSecond, IoVerifying, StorageReport
from kb_tests.load.blocks import block_seconds
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.storage_topology import StorageTopology

OnSecond = Callable[[IoSecond], None]
OnVerifying = Callable[[IoVerifying], None]

NO_LIMITS: Mapping[str, Sequence[float]] = MappingProxyType({})

DRAIN = 30.0
"""Seconds after which a disk that does not end its last I/Os has hung; no stall limit is longer."""


LEAST_VERIFY = 30.0


def verifying(point: StoragePoint) -> float:
    """Seconds for which what was written may be read back: as many as it took, 0 for not at all."""
    return max(LEAST_VERIFY, point.ramp + point.duration) if point.verify else 0.0


_STAYS = {"id", "scenario", "clients", "max_duration", "by_second", "profile", "unit", "steady"}
"""What servers need not know of a point."""


def target(topology: StorageTopology) -> dict[str, Any]:
    """What every server prepares, as in the protocol; its own volume's id is added by the fleet."""
    return {
        "kind": topology.target,
        "volume": "",
        "volume_size": topology.volume.size if topology.volume else 0,
        "file_system": topology.file_system or "",
        "directory": topology.directory or "",
        "size": topology.file_size,
    }


def options(point: StoragePoint, limits: Mapping[str, Sequence[float]] = NO_LIMITS) -> dict[str, Any]:
    """The fio job, as in the protocol; `limits` are those on reads and on writes, in seconds."""
    return {key: value for key, value in asdict(point).items() if key not in _STAYS} | {
        "extra": dict(point.extra),
        "block": block_seconds(point.duration, by_second=point.by_second),
        "drain": DRAIN,
        "verify": verifying(point),
        "limits": {name: [*limits.get(name, ())] for name in ("read", "write")},
    }


def run(
    point: StoragePoint,
    topology: StorageTopology,
    fleet: Fleet,
    on_second: OnSecond | None = None,
    on_verifying: OnVerifying | None = None,
    limits: Mapping[str, Sequence[float]] = NO_LIMITS,
) -> list[StorageReport]:
    """Run one point on the fleet, whose disks are prepared if they are not yet; a report of each server.
    Seconds count the reads and writes that took longer than each of their `limits`.
    """
    fleet.prepare_disks(target(topology))
    seconds = point.ramp + point.duration + DRAIN
    if point.verify:
        seconds += verifying(point) + DRAIN

    def take(report: OfCommand) -> None:
        if on_second and isinstance(report, IoSecond):
            on_second(report)
        elif on_verifying and isinstance(report, IoVerifying):
            on_verifying(report)

    command = {"kind": "fio", "fio": options(point, limits)}
    return fleet.run(command, point.clients, seconds, StorageGathering, take)
