"""What a point measured, broken down by where its servers landed.

A cloud is often as slow as its slowest host, or as the way between two of them, which figures over all
servers hide. Of HTTP, a row is a way: from the generators' host to that of the servers they load.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.measure.storage.measurement import Io, StorageMeasurement, StorageServer
from kb_tests.report import words
from kb_tests.report.measured import AgentRecord, MeasurementRecord, decode
from kb_tests.report.record import TopologyRecord
from kb_tests.report.storage import words as storage_words
from kb_tests.scenario.points import StoragePoint

ROWS = 12
"""Rows shown at most: the slowest."""

_HOST_ID = re.compile(r"[0-9a-f]{56}")
"""Nova's hostId, all that a project's own users see of a host: SHA-224 of project and host."""


@dataclass(frozen=True)
class Table:
    """`rows` are the slowest of them all, `more` how many are not shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


@dataclass(frozen=True)
class Generator:
    """One traffic generator: where it was, where the server it loads was, and what it measured."""

    name: str
    host: str
    peer: str
    counts: Counts
    response: Histogram

    @property
    def p99(self) -> float:
        """Of the requests due, as everywhere; infinite if too many had no good answer."""
        return _percentile([self], 99)


def short(host: str) -> str:
    """A host's name; of an opaque id, as much as tells it from others."""
    return f"{host[:8]}…" if _HOST_ID.fullmatch(host) else host or "unknown"


def generators(measurement: MeasurementRecord, topology: TopologyRecord | None) -> list[Generator]:
    """The generators of an HTTP point; raises RecordError if a histogram cannot be read."""
    peers = _peers(topology) if topology else {}
    return [_generator(agent, peers.get(agent.agent, "")) for agent in measurement.agents]


def of_http(found: Sequence[Generator], duration: float) -> Table | None:
    """Way by way; None where there is but one. The rate is that of the requests due in the window."""
    ways: defaultdict[tuple[str, str], list[Generator]] = defaultdict(list)
    for one in found:
        ways[one.host, one.peer].append(one)
    rows = []
    for (host, peer), members in ways.items():
        due = sum(member.counts.due for member in members)
        done = sum(member.counts.completed for member in members)
        p50, p99 = (_percentile(members, percent) for percent in (50, 99))
        cells = (
            short(host),
            short(peer),
            f"{len(members):,}",
            f"{words.number(done / duration)}/s" if duration else "-",
            _time(p50),
            _time(p99),
            words.share((due - done) / due) if due else "-",
        )
        rows.append((p99, cells))
    heads = ("Generators on", "Servers on", "Generators", "Answered well", "p50", "p99", "No good answer")
    return _table(heads, rows)


def of_storage(point: StoragePoint, measured: StorageMeasurement) -> Table | None:
    """Host by host; None where there is but one."""
    hosts: defaultdict[str, list[StorageServer]] = defaultdict(list)
    for server in measured.servers:
        hosts[server.host].append(server)
    parts = [name for name, _ in storage_words.directions(point, measured)]
    rows = []
    for host, members in hosts.items():
        merged = {part: Io.merged(tuple(getattr(member, part) for member in members)) for part in parts}
        stall = max(member.stall for member in members)
        cells = (
            short(host),
            f"{len(members):,}",
            words.number(sum(member.iops.total for member in members)),
            storage_words.bandwidth(sum(member.bandwidth.total for member in members)),
            *(storage_words.latency(merged[part].response, 99) for part in parts),
            words.duration(stall),
            f"{sum(member.errors for member in members):,}",
        )
        slowest = max((io.response.percentile(99) for io in merged.values() if io.ios), default=math.inf)
        rows.append((slowest, cells))
    heads = (
        "Servers on",
        "Servers",
        "IOPS",
        "Bandwidth",
        *(f"{part} p99" for part in parts),
        "Longest stall",
        "Failed",
    )
    return _table(heads, rows)


def _table(columns: tuple[str, ...], rows: Sequence[tuple[float, tuple[str, ...]]]) -> Table | None:
    if len(rows) < 2:
        return None
    slowest = sorted(rows, key=lambda row: (-row[0], row[1]))
    return Table(columns, tuple(cells for _, cells in slowest[:ROWS]), max(0, len(rows) - ROWS))


def _generator(agent: AgentRecord, peer: str) -> Generator:
    return Generator(agent.agent, agent.host, peer, agent.counts, decode(agent.response))


def _peers(topology: TopologyRecord) -> Mapping[str, str]:
    """{generator: host of the server that it loads}."""
    hosts = {
        server.floating_ip or server.address: server.host for server in topology.servers if not server.peer
    }
    return {server.name: hosts.get(server.peer, "") for server in topology.servers if server.peer}


def _percentile(members: Iterable[Generator], percent: float) -> float:
    parts = list(members)
    due = sum(part.counts.due for part in parts)
    if not due:
        return math.inf
    rank = max(1, math.ceil(round(due * percent / 100, 6)))
    if rank > sum(part.counts.completed for part in parts):
        return math.inf
    return Histogram.merged(part.response for part in parts).at_rank(rank)


def _time(seconds: float) -> str:
    return words.duration(seconds) if math.isfinite(seconds) else "∞"
