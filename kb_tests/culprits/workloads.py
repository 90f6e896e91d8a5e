"""The kinds of load, as this room knows them: what each agent measured of a limit that broke."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kb_tests.compare.workloads import STALLED
from kb_tests.culprits.samples import Block, Failed, Limit, Seen, Slow, Stalled, TooFew
from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.workloads import Table
from kb_tests.sla.verdict import Check


@dataclass(frozen=True)
class Workload:
    """`limit` is a broken limit as figures of servers, None where it has none; `seen` is what each agent
    measured of it.
    """

    limit: Callable[[Any, Check], Limit | None]
    seen: Callable[[Any, Any, Check], Iterator[Seen]]


def _percent(check: Check) -> float | None:
    kind, _, percent = check.name.rpartition(" p")
    found = float(percent) if kind and check.unit == "s" else math.nan
    return found if found < 100 else None


def _http_limit(point: HttpPoint, check: Check) -> Limit | None:
    if percent := _percent(check):
        return Slow(percent, check.limit, point.timeout)
    known: dict[str, Limit] = {"errors": Failed(check.limit), "achieved": TooFew()}
    return known.get(check.name)


def _http(point: HttpPoint, found: HttpMeasurement, _check: Check) -> Iterator[Seen]:
    for agent in found.agents:
        counts = agent.counts
        yield Seen(
            agent=agent.agent,
            times=Latency.of_due(agent.response, counts.due, counts.completed, point.timeout),
            failed=counts.due - counts.completed,
            rate=counts.completed / found.duration if found.duration else 0.0,
            stall=0.0,
            blocks=tuple(
                Block(
                    block.at,
                    block.seconds,
                    Latency.of_due(block.response, block.counts.due, block.counts.completed, point.timeout),
                )
                for block in found.blocks
                if block.agent == agent.agent
            ),
        )


def _storage_limit(_point: StoragePoint, check: Check) -> Limit | None:
    if percent := _percent(check):
        return Slow(percent, check.limit, STALLED)
    if check.name.startswith("achieved"):
        return TooFew()
    known: dict[str, Limit] = {"errors": Failed(check.limit), "max_stall": Stalled(check.limit)}
    return known.get(check.name)


def _storage(_point: StoragePoint, found: StorageMeasurement, check: Check) -> Iterator[Seen]:
    directions = [name for name in ("read", "write") if name in check.name.split()] or ["read", "write"]
    for server in found.servers:
        yield Seen(
            agent=server.server,
            times=Latency.merged([getattr(server, name).response for name in directions]),
            failed=server.errors,
            rate=sum(getattr(server.iops, name) for name in directions),
            stall=server.stall,
            blocks=tuple(
                Block(
                    block.at,
                    block.seconds,
                    Latency.merged([getattr(block, name).response for name in directions]),
                )
                for block in found.blocks
                if block.server == server.server
            ),
        )


WORKLOADS: Table[Workload] = Table(
    "culprits",
    {"http": Workload(_http_limit, _http), "storage": Workload(_storage_limit, _storage)},
)
