"""Results of HTTP points by host."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts
from kb_tests.measure.http.merge import total
from kb_tests.report import words
from kb_tests.report.by_host import Table, short, table
from kb_tests.report.http.figures import due_percentile
from kb_tests.report.http.measured import GeneratorRecord, HttpMeasurementRecord
from kb_tests.report.measured import decode
from kb_tests.report.record import TopologyRecord


@dataclass(frozen=True)
class Generator:
    """One traffic generator: where it was, where the server it loads was, and what it measured."""

    name: str
    host: str
    peer: str
    counts: Counts
    response: Histogram
    timeout: float = math.inf

    @property
    def p99(self) -> float:
        """Of the requests due, as everywhere; infinite if too many failed."""
        return _percentile([self], 99)


def generators(
    measurement: HttpMeasurementRecord, topology: TopologyRecord | None, timeout: float = math.inf
) -> list[Generator]:
    """The generators of an HTTP point, which give up after `timeout` seconds.

    Raises RecordError if a histogram cannot be read.
    """
    peers = _peers(topology) if topology else {}
    return [_generator(agent, peers.get(agent.agent, ""), timeout) for agent in measurement.agents]


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
    heads = ("Generators on", "Servers on", "Generators", "Successful", "p50", "p99", "Error rate")
    return table(heads, rows)


def _generator(agent: GeneratorRecord, peer: str, timeout: float) -> Generator:
    return Generator(agent.agent, agent.host, peer, agent.counts, decode(agent.response), timeout)


def _peers(topology: TopologyRecord) -> Mapping[str, str]:
    """{generator: host of the server that it loads}."""
    hosts = {
        server.floating_ip or server.address: server.host for server in topology.servers if not server.peer
    }
    return {server.name: hosts.get(server.peer, "") for server in topology.servers if server.peer}


def _percentile(members: Iterable[Generator], percent: float) -> float:
    parts = list(members)
    counts = total(part.counts for part in parts)
    if not counts.due:
        return math.inf
    response = Histogram.merged(part.response for part in parts)
    return due_percentile(response, counts, min(part.timeout for part in parts), percent)


def _time(seconds: float) -> str:
    return words.duration(seconds) if math.isfinite(seconds) else "∞"
