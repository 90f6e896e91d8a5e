"""How HTTP points are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from kb_tests.report import words
from kb_tests.report.by_host import Table
from kb_tests.report.http import hosts
from kb_tests.report.http import words as http_words
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointRecord, TopologyRecord
from kb_tests.report.shown import Column, Pairs, Property, Shown

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
LATENCY = "latency p"
UNIT = "req/s"


def measured_of(record: PointRecord) -> HttpMeasurementRecord | None:
    """What was measured, if it is an HTTP point."""
    return record.measurement if isinstance(record.measurement, HttpMeasurementRecord) else None


@dataclass(frozen=True)
class HttpShown(Shown):
    """An HTTP point."""

    record: PointRecord
    measurement: HttpMeasurementRecord
    figures: Figures
    topology: TopologyRecord | None

    @cached_property
    def generators(self) -> Sequence[hosts.Generator]:
        """One by one."""
        return hosts.generators(self.measurement, self.topology, self.figures.timeout)

    def cell(self, column: Column) -> str:
        """The text of one cell."""
        heading, name = column
        figures = self.figures
        if heading == "Offered":
            offered = f"{words.number(figures.offered)} {UNIT}"
            return offered if figures.offered else "closed loop"
        if name == "achieved":
            return words.share(figures.share) if figures.offered else words.number(figures.achieved)
        if name == "errors":
            return words.share(figures.bad)
        seconds = figures.percentile(float(name.removeprefix(LATENCY)))
        return words.duration(seconds) if seconds < math.inf else "∞"

    def row(self) -> tuple[str, str, str]:
        """The rate, the median and the 99th percentile."""
        p50, p99 = (words.duration(self.figures.percentile(percent)) for percent in (50, 99))
        return http_words.rate(self.figures), f"p50 {p50}", f"p99 {p99}"

    def facts(self) -> Pairs:
        """Counts, the window, the state of the generators."""
        return http_words.facts(self.record, self.measurement, self.figures)

    def hosts(self) -> Table | None:
        """From host to host."""
        return hosts.of_http(self.generators, self.figures.duration)

    def properties(self) -> list[Property]:
        """As listed in `report.junit`."""
        figures, counts = self.figures, self.figures.counts
        found: list[Property] = [
            ("kb.offered", figures.offered),
            ("kb.achieved", figures.achieved),
            ("kb.achieved_share", figures.share),
            ("kb.throughput_bytes", figures.throughput),
            ("kb.duration", figures.duration),
            *((f"kb.requests.{key}", getattr(counts, key)) for key in ("due", "sent", "completed", "failed")),
            *((f"kb.requests.{key}", getattr(counts, key)) for key in ("unsent", "inflight")),
            *((f"kb.errors.{kind}", count) for kind, count in sorted(counts.errors.items())),
            *((f"kb.response.p{percent:g}", figures.percentile(percent)) for percent in PERCENTILES),
            ("kb.response.max", figures.response.max),
        ]
        if connections := self.measurement.connections:
            found += [(f"kb.connections.{key}", value) for key, value in asdict(connections).items()]
        if start := self.measurement.start:
            found += [
                ("kb.warm_up.seconds", start.seconds),
                ("kb.warm_up.settled", str(start.settled).lower()),
            ]
        return found
