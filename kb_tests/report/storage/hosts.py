"""Results of storage points by host."""

from __future__ import annotations

import math
from collections import defaultdict

from kb_tests.measure.storage.measurement import Io, StorageMeasurement, StorageServer
from kb_tests.report import words
from kb_tests.report.by_host import Table, short, table
from kb_tests.report.storage import words as storage_words
from kb_tests.scenario.storage import StoragePoint


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
            *(storage_words.response(merged[part], 99) for part in parts),
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
    return table(heads, rows)
