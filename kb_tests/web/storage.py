"""Storage points in a browser."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from kb_tests.report import words
from kb_tests.report.storage.measured import StorageMeasurementRecord
from kb_tests.report.storage.shown import StorageShown
from kb_tests.scenario.storage import StoragePoint
from kb_tests.scenario.units import counted
from kb_tests.web.face import ByHost, Face, heats, sought, within
from kb_tests.web.shapes.points import GeneratorShape, Line, Seconds


class StorageFace(Face[StoragePoint, StorageShown]):
    """I/Os and their latencies, reads and writes apart."""

    lead = "read latency p99"

    def load(self, point: StoragePoint) -> str:
        """The profile."""
        return point.profile

    def how(self, point: StoragePoint) -> str:
        """Servers, and I/Os a second of all."""
        if point.search:
            return sought(point, "server")
        rate = f"{words.number(point.offered)} IOPS" if point.offered else "as fast as it goes"
        return f"{counted(point.clients, 'server')}, {rate}"

    def p99(self, shown: StorageShown) -> float:
        """The slower one of reads and writes."""
        return max((percentile(99) for _, _, percentile in self.times(shown)), default=math.nan)

    def share(self, shown: StorageShown) -> float:
        """Of the offered I/Os."""
        offered = shown.measured.offered.read + shown.measured.offered.write
        made = shown.measured.iops.read + shown.measured.iops.write
        return made / offered if offered else math.nan

    def times(self, shown: StorageShown) -> Iterator[tuple[str, int, Callable[[float], float]]]:
        """Latency of reads and of writes."""
        for name, io in (("read", shown.measured.read), ("write", shown.measured.write)):
            if io.response.count:
                yield name, io.response.count, io.response.percentile

    def seconds(self, measured: StorageMeasurementRecord) -> Seconds:
        """All servers together."""
        series = measured.seconds
        found = (
            ("read", measured.read.ios, series.read_p99),
            ("write", measured.write.ios, series.write_p99),
        )
        return Seconds(
            at=series.at,
            rate=tuple(r + w for r, w in zip(series.read_iops, series.write_iops, strict=True)),
            failed=series.errors,
            lines=tuple(
                Line(name="p99", of=name, values=within(series.at, values, measured.duration))
                for name, ios, values in found
                if ios
            ),
            heats=heats([("read", measured.read_heat), ("write", measured.write_heat)]),
        )

    def generators(self, measured: StorageMeasurementRecord) -> Iterator[GeneratorShape]:
        """How late fio was, its CPU, and how far off its clock may be."""
        for one in measured.servers:
            yield GeneratorShape(
                name=one.server, host=one.host, lag=one.late, cpu=one.cpu, skew=one.clock_error
            )

    def by_host(self, shown: StorageShown) -> ByHost:
        """By host of the servers that own the disks."""
        found: ByHost = {}
        for server in shown.measured.servers:
            both = [io.response.percentile(99) for io in (server.read, server.write) if io.response.count]
            p99, done, failed = found.get(server.host, (0.0, 0, 0))
            done += server.read.ios + server.write.ios
            found[server.host] = (max([p99, *both]), done, failed + server.errors)
        return found
