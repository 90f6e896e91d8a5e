"""HTTP points in a browser."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from kb_tests.measure.histogram import Histogram
from kb_tests.report import words
from kb_tests.report.http.hosts import Generator
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.http.shown import HttpShown
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.units import counted
from kb_tests.web.face import ByHost, Face, heats, sought, within
from kb_tests.web.shapes.points import GeneratorShape, Line, Seconds


class HttpFace(Face[HttpPoint, HttpShown]):
    """Requests and their response times."""

    lead = "latency p99"

    def load(self, point: HttpPoint) -> str:
        """Requests a second."""
        if point.search:
            return "searched"
        return f"{words.number(point.offered)} req/s" if point.offered else "as fast as it is answered"

    def how(self, point: HttpPoint) -> str:
        """Generators, and requests a second of each."""
        if point.search:
            return sought(point, "generator")
        return (
            f"{point.clients} \N{MULTIPLICATION SIGN} {words.number(point.rate)}"
            if point.rate
            else counted(point.clients, "generator")
        )

    def p99(self, shown: HttpShown) -> float:
        """Of the response time of requests that were due."""
        return shown.figures.percentile(99)

    def share(self, shown: HttpShown) -> float:
        """Of the offered requests."""
        return shown.figures.share

    def times(self, shown: HttpShown) -> Iterator[tuple[str, int, Callable[[float], float]]]:
        """Response and service time."""
        figures = shown.figures
        yield "response", figures.counts.due, figures.percentile
        if figures.service.count:
            yield "service", figures.service.count, figures.service.percentile

    def seconds(self, measured: HttpMeasurementRecord) -> Seconds:
        """All generators together."""
        columns = measured.seconds
        return Seconds(
            at=columns.at,
            rate=tuple(map(float, columns.completed)),
            failed=tuple(map(float, columns.failed)),
            lines=tuple(
                Line(name=name, of="response", values=within(columns.at, values, measured.duration))
                for name, values in (("p50", columns.p50), ("p99", columns.p99))
            ),
            heats=heats([("response", measured.heat)]),
        )

    def generators(self, measured: HttpMeasurementRecord) -> Iterator[GeneratorShape]:
        """Send lag, CPU and start skew."""
        for agent in measured.agents:
            yield GeneratorShape(
                name=agent.agent, host=agent.host, lag=agent.lag_p99, cpu=agent.cpu, skew=agent.skew
            )

    def by_host(self, shown: HttpShown) -> ByHost:
        """By host of the web servers."""
        members: defaultdict[str, list[Generator]] = defaultdict(list)
        for one in shown.generators:
            members[one.peer].append(one)
        return {host: _summed(ones) for host, ones in members.items()}


def _summed(ones: Sequence[Generator]) -> tuple[float, int, int]:
    due, done = sum(one.counts.due for one in ones), sum(one.counts.completed for one in ones)
    merged = Histogram.merged(one.response for one in ones)
    rank = max(1, math.ceil(round(due * 0.99, 6)))
    p99 = math.nan if not due else math.inf if rank > done else merged.at_rank(rank)
    return p99, done, due - done
