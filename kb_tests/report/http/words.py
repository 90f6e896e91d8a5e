"""Facts of an HTTP point beside its verdict: counts, the window, the state of the instruments."""

from __future__ import annotations

from collections.abc import Sequence

from kb_tests.measure.http.measurement import Connections, Counts
from kb_tests.report import words
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import GeneratorRecord, HttpMeasurementRecord
from kb_tests.report.record import PointRecord
from kb_tests.report.shown import Pairs
from kb_tests.report.terms import FAILED, SUCCESSFUL
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.units import format_size


def facts(point: PointRecord, measurement: HttpMeasurementRecord, figures: Figures) -> Pairs:
    """Names and values."""
    counts = figures.counts
    told = [
        ("requests due", f"{counts.due:,}"),
        (SUCCESSFUL.text, f"{counts.completed:,}"),
        (FAILED.text, failures(counts) or "0"),
        ("throughput", f"{format_size(figures.throughput)}/s"),
        ("window", f"{words.duration(figures.duration)}{_warm_up(point, measurement)}"),
    ]
    if isinstance(point.point, HttpPoint):
        told.append(("connections", _connections(point.point, measurement.connections)))
        if point.point.tls:
            spoken = sorted({words.printable(agent.tls) for agent in measurement.agents if agent.tls})
            told.append(("TLS", "; ".join(spoken) or "no handshake succeeded"))
        told.append(("page", format_size(point.point.page_size)))
    agents = measurement.agents
    if agents:
        told += [
            ("generators", f"{len(agents)} of {point.point.clients}"),
            ("worst send lag, p99", words.duration(max(agent.lag_p99 for agent in agents))),
            ("busiest generator CPU", words.share(max(agent.cpu for agent in agents))),
            ("widest start skew", _skew(agents)),
        ]
    return tuple(told)


def rate(figures: Figures) -> str:
    """The achieved rate, of the offered one: "3,728 of 4,000 req/s (93.2%)"."""
    if not figures.offered:
        return f"{words.number(figures.achieved)} req/s (closed loop)"
    of = f"{words.number(figures.achieved)} of {words.number(figures.offered)} req/s"
    return f"{of} ({words.share(figures.share)})"


def failures(counts: Counts) -> str:
    """How requests ended that failed, most frequent first: "6,300 unsent, 12 http_5xx"."""
    kinds = {**counts.errors, "unsent": counts.unsent, "in flight": counts.inflight}
    ranked = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    return ", ".join(f"{count:,} {kind}" for kind, count in ranked if count)


def _connections(point: HttpPoint, found: Connections | None) -> str:
    """How many were asked for, and how many there were."""
    kind = "kept alive" if point.keep_alive else "one a request"
    asked = f"{point.connections:,} each, {kind}"
    if found is None:
        return asked
    failed = f", {found.refused:,} refused" if found.refused else ""
    if not point.keep_alive:
        return asked + failed
    again = f", {found.reopened:,} opened again" if found.reopened else ""
    return f"{asked}: {found.open:,} of {found.asked:,} at first, {found.least:,} at least{again}{failed}"


def _skew(agents: Sequence[GeneratorRecord]) -> str:
    """Off the common start by how much at most, as far as clocks are known."""
    widest = words.duration(max(abs(agent.skew) for agent in agents))
    return f"{widest} ± {words.duration(max(agent.clock_error for agent in agents))}"


def _warm_up(point: PointRecord, measurement: HttpMeasurementRecord) -> str:
    """What was left out before the window, and who said so."""
    start = measurement.start
    if start is None:
        before = point.point.warm_up if isinstance(point.point, HttpPoint) else 0.0
        return f" after {words.duration(before)} of warm-up" if before else ""
    if not start.settled:
        return ", nothing cut off: response times did not settle in its first half"
    if not start.seconds:
        return ", steady from its beginning"
    return (
        f" after {words.duration(start.seconds)} of warm-up, found and cut off:"
        f" {start.due:,} requests, p99 {words.duration(start.p99)}"
    )
